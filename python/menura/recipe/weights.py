"""How much an objective counts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, FiniteFloat, model_validator

from menura.recipe.section import Section

__all__ = ["WeightSettings"]


class WeightSettings(Section):
    """In short a number, by default 1, or ``learned``; or a schedule over the run.

    A schedule goes `from` one weight `to` another: ``linear``, ``cosine``, or in ``steps``, so many equal `stages`. A
    learned weight begins at 1 and follows the task's uncertainty (arXiv 1705.07115).
    """

    value: FiniteFloat | None = Field(default=None, gt=0)
    start: FiniteFloat | None = Field(default=None, ge=0, alias="from")
    end: FiniteFloat | None = Field(default=None, ge=0, alias="to")
    schedule: Literal["linear", "cosine", "steps"] = "linear"
    stages: int = Field(default=2, ge=2)
    learned: bool = False

    @model_validator(mode="before")
    @classmethod
    def _value_alone(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value != "learned":
                raise ValueError("expected a number, learned, or the keys from and to")
            return {"learned": True}
        return {"value": value} if isinstance(value, int | float) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _check(self) -> WeightSettings:
        if (self.start is None) != (self.end is None):
            raise ValueError("a schedule goes from one weight to another; give both")
        scheduled = self.start is not None
        if (self.value is not None) + scheduled + self.learned > 1:
            raise ValueError("choose one of a number, a schedule (from and to) and learned")
        if not scheduled and self.model_fields_set & {"schedule", "stages"}:
            raise ValueError("schedule and stages belong to from and to")
        if "stages" in self.model_fields_set and self.schedule != "steps":
            raise ValueError("stages belong to schedule: steps")
        return self
