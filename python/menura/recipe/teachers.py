"""Who answers."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from menura.recipe.dual_encoder import DualEncoderSettings
from menura.recipe.precision import Bf16
from menura.recipe.section import Section, check_field
from menura.recipe.trainer import TrainerSettings

__all__ = ["CausalLmSettings", "FinetuneSettings", "FunctionSettings", "Head", "Retriever", "TeacherSettings"]

Head = Literal["classification", "token_matching"]
Retriever = Literal["colbert", "splade"]


class FinetuneSettings(Section):
    """Fine-tune the teacher on the training queries: each positive against some of its mined negatives.

    `head` is what a checkpoint without a head gets: a ``classification`` head as everywhere, or ``token_matching``,
    which a bi-encoder learns sooner; see `menura.teachers.TokenMatching`. `where` keeps the queries whose fields have
    one of the values (``{query.site: [cancer, heart]}``), so that a teacher becomes a specialist.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)  # domains are often numbers

    head: Head = "classification"
    where: dict[str, list[str]] = Field(default_factory=dict)
    queries: int | None = Field(default=None, ge=1)
    negatives: int = Field(default=3, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    trainer: TrainerSettings = TrainerSettings(learning_rate=5e-5)

    @field_validator("where")
    @classmethod
    def _check_where(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for name in value:
            check_field(name, sides=("query",))
        return value


class CausalLmSettings(Section):
    """The model is a language model that is asked about a pair; it scores `logit(yes) - logit(no)`.

    `template` holds ``{query}``, ``{passage}`` and, where there is one, ``{instruction}``; with `chat` it is what the
    user says in the tokenizer's chat template. `yes` and `no` are one token each; without `no` (``null``) the logit of
    `yes` counts alone. `max_length` of the teacher covers the whole prompt; only the passage is cut.
    """

    template: str
    yes: str = "yes"
    no: str | None = "no"
    instruction: str | None = None
    chat: bool = False


class FunctionSettings(Section):
    """A Python function, ``package.module:function``, from a list of (query, passage) texts to their scores.

    The scores it has given are those of its `version`; change it with whatever changes a score. With `images` it sees
    those of the passages; see `menura.teachers.FunctionTeacher`.
    """

    name: str = Field(pattern=r"^\w+(\.\w+)*:\w+$")
    version: str = Field(coerce_numbers_to_str=True)
    images: bool = False


class TeacherSettings(Section):
    """Who answers: a cross-encoder with one label, used as it is unless there is `finetune`.

    Or `model` is a language model, asked as `causal_lm` says; a `retriever`, a ColBERT or a SPLADE that is larger than
    the students, of whose texts `max_length` limits the passages; or a `dual_encoder` of texts and images. Or a
    `function` takes its place. Or somebody else has asked: the scores that `menura key import` has `imported` under
    this name (or digest), and no others. `batch_tokens` None: 2,048 on a CPU, 32,768 on a GPU.
    """

    model: str | None = None
    max_length: int = Field(default=256, ge=8)
    bf16: Bf16 = False
    batch_tokens: int | None = Field(default=None, ge=1)
    finetune: FinetuneSettings | None = None
    causal_lm: CausalLmSettings | None = None
    retriever: Retriever | None = None
    dual_encoder: DualEncoderSettings | None = None
    function: FunctionSettings | None = None
    imported: str | None = None

    @model_validator(mode="after")
    def _is_one_teacher(self) -> TeacherSettings:
        if [self.model, self.function, self.imported].count(None) != 2:
            raise ValueError("a teacher is one of model, function and imported")
        kinds = ("finetune", "causal_lm", "retriever", "dual_encoder", "function", "imported")
        chosen = [name for name in kinds if getattr(self, name) is not None]
        if len(chosen) > 1:
            raise ValueError(f"{' and '.join(chosen)} exclude each other")
        unused = [name for name in ("max_length", "batch_tokens") if name in self.model_fields_set]
        if self.dual_encoder is not None and unused:
            raise ValueError(f"leave {' and '.join(unused)} out; a dual encoder has its own length and batch_size")
        return self

    @property
    def sees_images(self) -> bool:
        """Whether it is shown the images of passages."""
        return self.dual_encoder is not None or (self.function is not None and self.function.images)

    @property
    def source(self) -> str:
        """The model's reference, the function's name or that of the imported scores."""
        return self.model or self.imported or (self.function.name if self.function else "")
