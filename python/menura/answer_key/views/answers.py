"""What several teachers said of the same pairs, and what people said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.views.grouping import Groups
from menura.collections import Qrels
from menura.errors import MenuraError

__all__ = ["Answers", "labels_of"]

Pair = tuple[str, str]


@dataclass(frozen=True)
class Answers:
    """Raw logits of T teachers on P (query id, passage id) pairs.

    Args:
        teachers: T names.
        pairs: P pairs, in any order.
        logits: `[T,P]`, NaN where a teacher was not asked.
        labels: grades `[P]`, NaN where nobody judged.
        route: `[P]`, which of the teachers answers each pair. None: all of them do.

    Raises:
        MenuraError: the shapes do not fit, or a logit is infinite.
    """

    teachers: Sequence[str]
    pairs: Sequence[Pair]
    logits: NDArray[np.float64]
    labels: NDArray[np.float64]
    route: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        shapes = self.logits.shape, self.labels.shape
        if shapes != ((len(self.teachers), len(self.pairs)), (len(self.pairs),)):
            raise MenuraError(
                f"[view] {len(self.teachers)} teachers and {len(self.pairs)} pairs need logits [T,P] and labels [P]; "
                f"got {list(shapes[0])} and {list(shapes[1])}."
            )
        for teacher, pair in zip(*np.nonzero(np.isinf(self.logits)), strict=True):
            raise MenuraError(f"[view] {self.teachers[teacher]} gives the pair {self.pairs[pair]} an infinite score.")

    @cached_property
    def groups(self) -> Groups:
        """The pairs by their query."""
        numbers: dict[str, int] = {}
        return Groups([numbers.setdefault(query_id, len(numbers)) for query_id, _ in self.pairs])

    def of(self, teacher: str) -> NDArray[np.float64]:
        """The logits `[P]` of one teacher."""
        return np.asarray(self.logits[list(self.teachers).index(teacher)])

    def check(self, needed: NDArray[np.bool_]) -> None:
        """Whether every needed logit is there: `needed [T,P]`.

        Raises:
            MenuraError: one is not; with the pair and who has not scored it.
        """
        missing = needed & np.isnan(self.logits)
        if missing.any():
            pair = int(np.flatnonzero(missing.any(0))[0])
            names = [name for name, lacks in zip(self.teachers, missing[:, pair], strict=True) if lacks]
            who = "none of the pair's teachers" if (missing == needed)[:, pair].all() else "not every teacher"
            raise MenuraError(
                f"[view] {who} has scored the pair {self.pairs[pair]}; missing: {', '.join(names)}. Annotate it first."
            )


def labels_of(pairs: Sequence[Pair], qrels: Qrels) -> NDArray[np.float64]:
    """The grades `[P]` of (query id, passage id) pairs; NaN where nobody judged."""
    nobody: dict[str, int] = {}
    grades = [qrels.get(query_id, nobody).get(passage_id, np.nan) for query_id, passage_id in pairs]
    return np.array(grades, np.float64)
