"""Dividing an annotation among machines that know nothing of each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.pairs import Pairs
from menura.errors import MenuraError

__all__ = ["Share"]


@dataclass(frozen=True)
class Share:
    """One of `count` parts of the work, from 1; parts are alike on every machine, and together they are all of it."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise MenuraError(f"[annotate] a share is one of 1/{self.count} to {self.count}/{self.count}; got {self}.")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Share:
        """Read ``2/8``.

        Raises:
            MenuraError: it is not of that form, or there is no such share.
        """
        try:
            number, count = map(int, text.split("/"))
        except ValueError as error:
            raise MenuraError(f"[annotate] a share looks like 2/8; got {text!r}.") from error
        return cls(number, count)

    def part(self, rank: int, count: int) -> Share:
        """The part of this share for the process `rank`, from 0, of `count` that divide it among themselves."""
        return Share(self.number + rank * self.count, self.count * count)

    def holds(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Which of `pairs` belong to this share: all or none of a query's, by its hash."""
        numbers = pairs.query_hashes[:, :8].copy().view(np.uint64).ravel() % np.uint64(self.count)
        chosen: NDArray[np.bool_] = (numbers == self.number - 1)[pairs.codes // max(1, len(pairs.passage_hashes))]
        return chosen
