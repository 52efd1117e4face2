"""Who learns."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator
from typing_extensions import Self

from menura.recipe.layers import LayersSettings
from menura.recipe.lora import LoraSettings
from menura.recipe.mentors import (
    AlignmentSettings,
    MentorSettings,
    TokenEmbeddingsSettings,
    VocabularyVectorsSettings,
)
from menura.recipe.objectives import MarginMSESettings, ObjectivesSettings, PointwiseMSESettings
from menura.recipe.section import Section
from menura.recipe.sparsity import BudgetSettings, FlopsSettings, PenaltiesSettings, RegularizersSettings
from menura.recipe.trainer import TrainerSettings

__all__ = ["ColbertMentorSettings", "ColbertSettings", "SpladeMentorSettings", "SpladeSettings", "StudentsSettings"]


class StudentSettings(Section):
    """Where a student starts: from `model`, or without one from its mentor; `layers` are those that it keeps."""

    model: str | None = None
    layers: LayersSettings | None = None
    mentor: StudentMentorSettings | None = None

    @property
    def start(self) -> str | None:
        """The model whose weights it starts with; None: those of a mentor that is still to be trained."""
        return self.mentor.model if self.model is None and self.mentor is not None else self.model

    def trained(self, folder: Path) -> Self:
        """The same student with the weights in `folder`."""
        return self.model_copy(update={"model": str(folder), "layers": None})

    def mentored(self, folder: Path) -> Self:
        """The same student with a mentor that has been trained to `folder`."""
        if self.mentor is None:
            return self
        mentor = self.mentor.model_copy(update={"model": str(folder), "student": None})
        return self.model_copy(update={"mentor": mentor})

    @model_validator(mode="after")
    def _starts_somewhere(self) -> Self:
        if self.model is None and self.mentor is None:
            raise ValueError("name a model, or a mentor to start from")
        return self


class StudentMentorSettings(MentorSettings):
    """A mentor that is given, or trained first."""

    student: StudentSettings | None = None

    @model_validator(mode="after")
    def _teaches(self) -> Self:
        if (self.model is None) == (self.student is None):
            raise ValueError("a mentor is either a model or a student")
        lessons = [name for name in type(self).model_fields if name not in ("model", "student")]
        if all(getattr(self, name) is None for name in lessons):
            raise ValueError(f"a mentor must pass something on; choose at least one of {', '.join(lessons)}")
        return self


class ColbertSettings(StudentSettings):
    """A ColBERT student. By default it is trained pairwise: its MaxSim margins must match the teacher's.

    `dimension` None: 128, or that of the ColBERT it starts from. `calibrate` scales the teacher's margins to the spread
    of the starting student's, whose similarities are bounded. `projection_learning_rate` (None: the trainer's) is for
    the projection to `dimension`, drawn at random above an encoder that knows much already. `dropout` None: its own.
    `mini_batch_size` is the number of texts that go through the student at a time; the gradient is that of the whole
    batch. None: all of them, or under `accumulation` those of `batch_size` rows.
    """

    mentor: ColbertMentorSettings | None = None
    dimension: int | None = Field(default=None, ge=1)
    query_length: int = Field(default=32, ge=4)
    document_length: int = Field(default=180, ge=4)
    negatives: int = Field(default=2, ge=1)
    objectives: ObjectivesSettings = ObjectivesSettings(margin_mse=MarginMSESettings())
    calibrate: bool = False
    projection_learning_rate: float | None = Field(default=None, gt=0)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    lora: LoraSettings | None = None
    mini_batch_size: int | None = Field(default=None, ge=1)
    trainer: TrainerSettings = TrainerSettings()


class ColbertMentorSettings(StudentMentorSettings):
    """A larger ColBERT and what it passes on; see `menura.losses.representations`."""

    student: ColbertSettings | None = None
    token_embeddings: TokenEmbeddingsSettings | None = None
    alignment: AlignmentSettings | None = None


class SpladeSettings(StudentSettings):
    """A SPLADE student. By default its dot product must match the teacher's score; a FLOPS penalty keeps it sparse.

    Either the penalties' weights are given under `regularizers`, or a `budget` of active terms finds them. `dropout`
    None: the model's own. `mini_batch_size` as in `ColbertSettings`.
    """

    mentor: SpladeMentorSettings | None = None
    max_length: int = Field(default=256, ge=4)
    negatives: int = Field(default=2, ge=1)
    objectives: ObjectivesSettings = ObjectivesSettings(pointwise_mse=PointwiseMSESettings())
    regularizers: RegularizersSettings = RegularizersSettings()
    budget: BudgetSettings | None = None
    dropout: float | None = Field(default=None, ge=0, lt=1)
    lora: LoraSettings | None = None
    mini_batch_size: int | None = Field(default=None, ge=1)
    trainer: TrainerSettings = TrainerSettings()

    @property
    def budgets(self) -> dict[str, int]:
        """The numbers of active terms that the penalties have to hold, by side: ``documents``, ``queries``."""
        return self.budget.held if self.budget is not None else {}

    def penalties(self, side: str) -> PenaltiesSettings:
        """Those given for ``documents`` or ``queries``, or the usual ones."""
        given: PenaltiesSettings | None = getattr(self.regularizers, side)
        usual = FlopsSettings(estimator="unbiased" if side in self.budgets else "mean")
        return PenaltiesSettings(flops=usual) if given is None else given

    @model_validator(mode="after")
    def _penalties_can_work(self) -> SpladeSettings:
        for side in ("documents", "queries"):
            scheduled = self.penalties(side).scheduled
            if side in self.budgets and not any(penalty.weight for penalty in scheduled):
                raise ValueError(f"the budget of {side} has no penalty to find a weight for: flops, df_flops or l1")
            single = [penalty for penalty in scheduled if side == "queries" or penalty.reduction != "batch"]
            if self.trainer.batch_size == 1 and any(
                isinstance(penalty, FlopsSettings) and penalty.estimator == "unbiased" for penalty in single
            ):
                raise ValueError(f"unbiased FLOPS of {side} need a trainer.batch_size of 2 or more, or estimator: mean")
        return self


class SpladeMentorSettings(StudentMentorSettings):
    """A larger SPLADE and what it passes on."""

    student: SpladeSettings | None = None
    vocabulary_vectors: VocabularyVectorsSettings | None = None


class StudentsSettings(Section):
    """Which students to train; at least one."""

    colbert: ColbertSettings | None = None
    splade: SpladeSettings | None = None


for settings in (StudentMentorSettings, ColbertSettings, SpladeSettings):
    settings.model_rebuild()  # students have mentors, which may be students
