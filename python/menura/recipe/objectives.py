"""What a student is asked for."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, FiniteFloat, model_validator

from menura.recipe.section import Section

__all__ = [
    "ConstantMarginSettings",
    "ContrastiveSettings",
    "KLDivergenceSettings",
    "MarginMSESettings",
    "ObjectiveSettings",
    "ObjectivesSettings",
    "PointwiseMSESettings",
    "RankNetSettings",
]

Normalization = Literal["none", "min_max", "z_score"]
Pairs = Literal["positive", "all"]


class ObjectiveSettings(Section):
    """How much an objective counts beside the others. `needs_logits`: only a teacher makes it possible."""

    needs_logits: ClassVar[bool] = False

    weight: FiniteFloat = Field(default=1.0, gt=0)


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


class ObjectivesSettings(Section):
    """Objectives by name; what they ask for is added up."""

    margin_mse: MarginMSESettings | None = None
    pointwise_mse: PointwiseMSESettings | None = None
    ranknet: RankNetSettings | None = None
    kl_divergence: KLDivergenceSettings | None = None
    contrastive: ContrastiveSettings | None = None
    constant_margin: ConstantMarginSettings | None = None

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
