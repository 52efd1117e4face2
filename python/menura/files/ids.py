"""Ids of one column: of one type, and strings from here on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from menura.errors import MenuraError

__all__ = ["Ids"]


class Ids:
    """Makes strings of the ids of one column, which must all be strings or all be whole numbers.

    Args:
        kind: what they identify, for errors.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._type: type | None = None

    def one(self, value: Any, place: str) -> str:
        """One id.

        Raises:
            MenuraError: it is blank, neither string nor whole number, or of another type than those before it.
        """
        return self.many([value], place)[0]

    def many(self, values: Sequence[Any], place: str) -> list[str]:
        """The ids of one row. Raises as `one` does."""
        for value in values:
            if type(value) is not self._type:
                self._meet(value, place)
        if self._type is int:
            return list(map(str, values))
        if not all(values):
            raise MenuraError(f"[files] {place}: a {self._kind} id is blank.")
        return list(values)

    def _meet(self, value: Any, place: str) -> None:
        kind = type(value)
        if kind not in (str, int):
            raise MenuraError(
                f"[files] {place}: a {self._kind} id must be a string or a whole number; got {value!r} "
                f"({kind.__name__})."
            )
        if self._type is not None:
            raise MenuraError(
                f"[files] {place}: the {self._kind} id {value!r} is of type {kind.__name__}, those before it are of "
                f"type {self._type.__name__}; give all of them one type."
            )
        self._type = kind
