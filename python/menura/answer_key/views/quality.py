"""How well a teacher ranks labelled queries, and what that makes of its vote."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.views.grouping import Groups
from menura.errors import MenuraError

__all__ = ["inverse_weights", "mean_ndcg", "softmax_weights"]

Floats = NDArray[np.float64]

DEPTH = 10


def mean_ndcg(scores: Floats, labels: Floats, groups: Groups, *, name: str) -> float:
    """nDCG@10 of scores `[P]` over the queries that have relevant and other passages; not judged counts as grade 0.

    Passages with equal scores share the mean of their gains (McSherry, Najork: ECIR 2008), whichever comes first.

    Raises:
        MenuraError: no query has a relevant and another passage.
    """
    grades = np.maximum(np.nan_to_num(labels, nan=0.0), 0)
    values = []
    for members in groups.members():
        there = members[~np.isnan(scores[members])]
        if grades[there].min(initial=np.inf) < grades[there].max(initial=-np.inf):
            ideal = _dcg(np.sort(grades[there])[::-1])
            values.append(_dcg(_expected_gains(scores[there], grades[there])) / ideal)
    if not values:
        raise MenuraError(f"[view] {name} has no query with a relevant and another passage; its quality is unknown.")
    return float(np.mean(values))


def softmax_weights(quality: Floats, temperature: float) -> Floats:
    """`exp(q / temperature)`, summing to one, of quality `[T]`."""
    weights = np.exp((quality - quality.max()) / temperature)
    return np.asarray(weights / weights.sum())


def inverse_weights(error: Floats) -> Floats:
    """`1 / e`, summing to one, of errors `[T]`."""
    weights = 1 / np.maximum(error, np.finfo(float).tiny ** 0.5)
    return np.asarray(weights / weights.sum())


def _expected_gains(scores: Floats, grades: Floats) -> Floats:
    """The grades from the best score down, those of equal scores averaged."""
    _, index, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    return np.repeat(np.bincount(index, grades) / sizes, sizes)


def _dcg(gains: Floats) -> float:
    gains = gains[:DEPTH]
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())
