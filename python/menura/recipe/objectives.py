"""What a student is asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from menura.recipe.section import Section

__all__ = ["MarginMSESettings", "ObjectiveSettings", "ObjectivesSettings", "PointwiseMSESettings"]


class ObjectiveSettings(Section):
    """How much an objective counts beside the others."""

    weight: float = Field(default=1.0, gt=0)


class MarginMSESettings(ObjectiveSettings):
    """The teacher's margins (arXiv 2010.02666): of the ``positive`` and each other passage, or ``all`` pairs."""

    pairs: Literal["positive", "all"] = "positive"


class PointwiseMSESettings(ObjectiveSettings):
    """The teacher's scores themselves."""


class ObjectivesSettings(Section):
    """Objectives by name; what they ask for is added up."""

    margin_mse: MarginMSESettings | None = None
    pointwise_mse: PointwiseMSESettings | None = None

    @model_validator(mode="after")
    def _are_some(self) -> ObjectivesSettings:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise ValueError(f"choose at least one of {', '.join(type(self).model_fields)}")
        return self
