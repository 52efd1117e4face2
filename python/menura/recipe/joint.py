"""Students that teach each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, FiniteFloat, model_validator

from menura.recipe.section import Section
from menura.recipe.students import StudentsSettings

__all__ = ["JointSettings", "PerStudent"]

# All but this must be one for both students: they take the same steps on the same batches.
OWN = "learning_rate"


class PerStudent(Section):
    """A number for each of the two; in short, one number for both."""

    colbert: FiniteFloat = Field(ge=0)
    splade: FiniteFloat = Field(ge=0)

    @model_validator(mode="before")
    @classmethod
    def _one_for_both(cls, value: Any) -> Any:
        return {"colbert": value, "splade": value} if isinstance(value, int | float) else value

    @property
    def both(self) -> tuple[float, float]:
        """ColBERT's and SPLADE's."""
        return self.colbert, self.splade


class JointSettings(Section):
    """Both students are trained in one step on one batch; from `start_step` on, each learns of the other as well.

    `peer` weighs the divergence from the other's scores (arXiv 1706.00384), `ensemble` that from the two together, in
    which ColBERT has a `share` (arXiv 2402.03216). Scores are divided by a `temperature` first; MaxSim and dot products
    differ in scale, and so do the objectives beside which the weights count. Where all weights are 0, the students only
    learn side by side.
    """

    peer: PerStudent = PerStudent(colbert=1, splade=1)
    ensemble: PerStudent = PerStudent(colbert=1, splade=1)
    temperature: PerStudent = PerStudent(colbert=1, splade=1)
    share: float = Field(default=0.5, ge=0, le=1)
    start_step: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> JointSettings:
        if not all(value > 0 for value in self.temperature.both):
            raise ValueError("a temperature must be greater than 0")
        return self

    def problems(self, students: StudentsSettings) -> Iterator[str]:
        """What does not fit the recipe's students."""
        colbert, splade = students.colbert, students.splade
        if colbert is None or splade is None:
            yield "two students teach each other; add students.colbert and students.splade, or leave joint out"
            return
        pairs = [("negatives", colbert.negatives, splade.negatives)]
        pairs += [
            (f"trainer.{name}", getattr(colbert.trainer, name), getattr(splade.trainer, name))
            for name in type(colbert.trainer).model_fields
            if name != OWN
        ]
        for name, *values in pairs:
            if values[0] != values[1]:
                yield (
                    f"both students see the same batches, so {name} must be one for both; "
                    f"got {values[0]} for colbert and {values[1]} for splade"
                )
