"""Where the scores lie: their histogram, a sigmoid's marks, ties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from menura.evaluation.report_card.judged import NOT_JUDGED, NOT_RELEVANT, RELEVANT, JudgedPairs

__all__ = ["Distribution", "distribution"]

BINS = 30
# So close to 0 or 1 a sigmoid hardly moves any more: its slope is below 0.1 % of the logit's.
END = 1e-3


@dataclass(frozen=True)
class Distribution:
    """The teacher's scores of all pairs.

    Attributes:
        distinct: how many different values there are.
        squashed: all of them lie between 0 and 1, as behind a sigmoid.
        at_ends: of squashed scores, the share within 0.001 of 0 or 1; else None.
        tied: the share of couples of candidates of one query that have the same score; None: no query has a couple.
        constant_queries: those whose candidates, two or more, all have the same score.
        edges: of the histogram's bins, `[B+1]`.
        counts: of the pairs `relevant`, `not relevant`, `not judged`, `[B]` each.
    """

    pairs: int
    lowest: float
    highest: float
    distinct: int
    squashed: bool
    at_ends: float | None
    tied: float | None
    constant_queries: int
    edges: list[float]
    counts: dict[str, list[int]]


def distribution(pairs: JudgedPairs, teacher: str) -> Distribution:
    """How the scores of `teacher` are distributed."""
    scores = pairs.scores[teacher]
    edges = np.histogram_bin_edges(scores, BINS)
    squashed = bool(scores.min() >= 0 and scores.max() <= 1)
    rows = [scores[query] for query in pairs.slices]
    couples = sum(_couples(len(row)) for row in rows)
    tied = sum(_couples(count) for row in rows for count in np.unique(row, return_counts=True)[1].tolist())
    return Distribution(
        len(pairs),
        float(scores.min()),
        float(scores.max()),
        len(np.unique(scores)),
        squashed,
        float((np.minimum(scores, 1 - scores) <= END).mean()) if squashed else None,
        tied / couples if couples else None,
        sum(len(row) > 1 and bool((row == row[0]).all()) for row in rows),
        edges.tolist(),
        {
            name: np.histogram(scores[pairs.labels == label], edges)[0].tolist()
            for name, label in (("relevant", RELEVANT), ("not relevant", NOT_RELEVANT), ("not judged", NOT_JUDGED))
        },
    )


def _couples(count: int) -> int:
    return count * (count - 1) // 2
