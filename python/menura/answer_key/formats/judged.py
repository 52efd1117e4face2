"""What every format of teacher scores and training lists is read into and written from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from menura.errors import MenuraError

__all__ = ["Judged"]

LARGEST_FLOAT32 = 3.4028234e38


@dataclass(frozen=True, slots=True)
class Judged:
    """A query and some passages, as one record of a file has them; ids or texts, by the format.

    Args:
        place: where the record stands, for errors.
        passages: `[N]`.
        scores: `[N]`, the teacher's, as stored. None where a file has none.
        margins: `[N - 1]`, the score of the first passage less that of each other, where a file has only those.
        relevant: `[N]`, which passages are labelled as positives.
        origins: `[N]`, who found each.

    Raises:
        MenuraError: there is no passage; lists are of different length; a number is not finite or no float32; or a
            passage stands twice with different scores or labels.
    """

    place: str
    query: str
    passages: list[str]
    scores: list[float] | None = None
    margins: list[float] | None = None
    relevant: list[bool] | None = None
    origins: list[str] | None = None

    def __post_init__(self) -> None:
        count = len(self.passages)
        if not count:
            raise self.fault("there are no passages")
        for name, expected in (("scores", count), ("margins", count - 1), ("relevant", count), ("origins", count)):
            values = getattr(self, name)
            if values is not None and len(values) != expected:
                raise self.fault(f"{count} passages need {expected} {name}, not {len(values)}")
        for value in (*(self.scores or ()), *(self.margins or ())):
            if not math.isfinite(value) or abs(value) > LARGEST_FLOAT32:
                raise self.fault(f"{value} is not a score")
        if len(set(self.passages)) < count:
            self._check_repetitions()

    @property
    def constant(self) -> bool:
        """Whether several passages all have one score, from which nothing can be learnt."""
        return self.scores is not None and len(self.scores) > 1 and min(self.scores) == max(self.scores)

    def fault(self, what: str) -> MenuraError:
        """The error that says `what` is wrong with this record."""
        passages = ", ".join(repr(passage[:40]) for passage in self.passages[:3])
        more = ", ..." if len(self.passages) > 3 else ""
        return MenuraError(f"[formats] {self.place}: {what}; query {self.query[:80]!r}, passages [{passages}{more}].")

    def only(self, chosen: Sequence[int]) -> Judged:
        """The record with the passages at the positions `chosen` alone; it must have no margins."""

        def of(values: list[Any] | None) -> list[Any] | None:
            return None if values is None else [values[position] for position in chosen]

        passages = [self.passages[position] for position in chosen]
        return Judged(self.place, self.query, passages, of(self.scores), None, of(self.relevant), of(self.origins))

    def _check_repetitions(self) -> None:
        seen: dict[str, tuple[Any, Any]] = {}
        for position, passage in enumerate(self.passages):
            said = (self.scores and self.scores[position], self.relevant and self.relevant[position])
            if seen.setdefault(passage, said) != said:
                raise self.fault(f"the passage {passage[:40]!r} stands twice, with different scores or labels")
