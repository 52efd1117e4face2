"""What a student is asked for."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, FiniteFloat, model_validator

from menura.recipe.section import Section
from menura.recipe.weights import WeightSettings

__all__ = [
    "ConstantMarginSettings",
    "ContrastiveSettings",
    "KLDivergenceSettings",
    "MarginMSESettings",
    "MaskedWordsSettings",
    "ObjectiveSettings",
    "ObjectivesSettings",
    "PointwiseMSESettings",
    "RankNetSettings",
    "SimCSESettings",
]

Normalization = Literal["none", "min_max", "z_score"]
Pairs = Literal["positive", "all"]
Texts = Literal["queries", "positives", "passages"]


class ObjectiveSettings(Section):
    """How much an objective counts beside the others: a number, a schedule, or ``learned`` (see `WeightSettings`).

    `needs_logits`: only a teacher makes it possible. `encodes_again`: mini-batches do not bound its memory.
    """

    needs_logits: ClassVar[bool] = False
    encodes_again: ClassVar[bool] = False

    weight: WeightSettings = WeightSettings()


class MarginMSESettings(ObjectiveSettings):
    """The teacher's margins (arXiv 2010.02666): of the ``positive`` and each other passage, or ``all`` pairs."""

    needs_logits = True

    pairs: Pairs = "positive"


class PointwiseMSESettings(ObjectiveSettings):
    """The teacher's scores themselves.

    `learn_calibration` learns a scale and an offset on top of those that were fitted, at a learning rate of their own.
    """

    needs_logits = True

    learn_calibration: bool = False
    calibration_learning_rate: FiniteFloat = Field(default=1e-2, gt=0)

    @model_validator(mode="after")
    def _learns_what_has_a_rate(self) -> PointwiseMSESettings:
        if "calibration_learning_rate" in self.model_fields_set and not self.learn_calibration:
            raise ValueError("calibration_learning_rate belongs to learn_calibration: true")
        return self


class RankNetSettings(ObjectiveSettings):
    """The teacher's order (Burges et al. 2005), of the same `pairs` as margin MSE; `temperature` divides the student's
    differences, and with `weigh_margins` a pair counts as much as the teacher's margin.
    """

    needs_logits = True

    pairs: Pairs = "all"
    temperature: FiniteFloat = Field(default=1.0, gt=0)
    weigh_margins: bool = False


class KLDivergenceSettings(ObjectiveSettings):
    """The teacher's distribution over a query's passages: scores of a query, normalized, over a temperature, softmax.

    `scale_by_temperature` multiplies by the student's temperature squared.
    """

    needs_logits = True

    student_temperature: FiniteFloat = Field(default=1.0, gt=0)
    teacher_temperature: FiniteFloat = Field(default=1.0, gt=0)
    student_normalization: Normalization = "none"
    teacher_normalization: Normalization = "none"
    scale_by_temperature: bool = True


class ContrastiveSettings(ObjectiveSettings):
    """The positive among all passages of the batch (InfoNCE); labels alone will do."""

    temperature: FiniteFloat = Field(default=1.0, gt=0)


class ConstantMarginSettings(ObjectiveSettings):
    """The positive `margin` above each negative; labels alone will do."""

    margin: FiniteFloat = Field(default=1.0, gt=0)


class MaskedWordsSettings(ObjectiveSettings):
    """Masked-word prediction (arXiv 1810.04805): a `share` of the tokens of `texts`, through a masked-LM head.

    A SPLADE's head is its own. A ColBERT's encoder gets its checkpoint's where that has one, else a new one, with the
    input embeddings for a projection; it is not kept with the student.
    """

    encodes_again = True

    share: float = Field(default=0.15, gt=0, le=1)
    texts: Texts = "passages"


class SimCSESettings(ObjectiveSettings):
    """SimCSE (arXiv 2104.08821): each of `texts` must know itself through dropout, among those of the batch."""

    encodes_again = True

    temperature: FiniteFloat = Field(default=0.05, gt=0)
    texts: Texts = "positives"


class ObjectivesSettings(Section):
    """Objectives by name; what they ask for is added up."""

    margin_mse: MarginMSESettings | None = None
    pointwise_mse: PointwiseMSESettings | None = None
    ranknet: RankNetSettings | None = None
    kl_divergence: KLDivergenceSettings | None = None
    contrastive: ContrastiveSettings | None = None
    constant_margin: ConstantMarginSettings | None = None
    masked_words: MaskedWordsSettings | None = None
    sim_cse: SimCSESettings | None = None

    @model_validator(mode="after")
    def _are_some(self) -> ObjectivesSettings:
        if not self.chosen:
            raise ValueError(f"choose at least one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def chosen(self) -> dict[str, ObjectiveSettings]:
        """By name, those that there are."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section for name, section in sections.items() if section is not None}

    @property
    def need_logits(self) -> list[str]:
        """The names of those that only a teacher makes possible."""
        return [name for name, section in self.chosen.items() if section.needs_logits]

    @property
    def encode_again(self) -> list[str]:
        """The names of those that send texts through the student once more."""
        return [name for name, section in self.chosen.items() if section.encodes_again]
