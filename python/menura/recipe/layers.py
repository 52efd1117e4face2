"""Which layers of an encoder a student keeps."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from menura.layers import evenly
from menura.recipe.section import Section

__all__ = ["LayersSettings"]

Count = Annotated[int, Field(ge=1)]


class LayersSettings(Section):
    """So many of the `first` or `last` layers, so many `evenly` spaced, or those of the given `numbers`, from 1.

    A number alone is `first`, a list alone is `numbers`.
    """

    first: Count | None = None
    last: Count | None = None
    evenly: Count | None = None
    numbers: list[Count] | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _read_short_forms(cls, value: Any) -> Any:
        if isinstance(value, int):
            return {"first": value}
        return {"numbers": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _is_one_choice(self) -> LayersSettings:
        if len(self.model_fields_set) != 1:
            raise ValueError("say one of first, last, evenly and numbers")
        if self.numbers is not None and self.numbers != sorted(set(self.numbers)):
            raise ValueError("numbers must rise")
        return self

    def of(self, total: int) -> list[int]:
        """The numbers of the layers to keep of `total`.

        Raises:
            ValueError: there are not so many.
        """
        if self.numbers is not None:
            wanted, most = self.numbers, max(self.numbers)
        else:
            most = self.first or self.last or self.evenly or 0
            start = total - most if self.last else 0
            wanted = evenly(most, total) if self.evenly else list(range(start + 1, start + most + 1))
        if most > total:
            raise ValueError(f"there are {total} layers; cannot keep {self.model_dump(exclude_none=True)}")
        return wanted
