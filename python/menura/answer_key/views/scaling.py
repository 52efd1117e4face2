"""One teacher's scores on another scale, within each query."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.views.grouping import Groups

__all__ = ["like_reference", "min_max", "z_score"]

Floats = NDArray[np.float64]

# A teacher that gives all passages of a query one score (or sees only one passage) says nothing about their order, and
# has no scale within that query: it abstains there, which is NaN. Others speak for it; see `combine`.


def min_max(scores: Floats, groups: Groups) -> Floats:
    """`(x - min) / (max - min)` within each query, of scores `[P]`; NaN in a query with one score only."""
    low = groups.smallest(scores)
    return _divide(scores - low, groups.largest(scores) - low)


def z_score(scores: Floats, groups: Groups) -> Floats:
    """`(x - mean) / std` within each query, of scores `[P]`; NaN in a query with one score only."""
    return _divide(scores - groups.mean(scores), groups.deviation(scores))


def like_reference(scores: Floats, reference: Floats, groups: Groups) -> Floats:
    """Scores `[P]` with the mean and standard deviation that `reference [P]` has in each query.

    NaN in a query in which either has one score only; only pairs that both have scored are looked at.
    """
    reference = np.where(np.isnan(scores), np.nan, reference)
    scores = np.where(np.isnan(reference), np.nan, scores)
    spread = groups.deviation(reference)
    return groups.mean(reference) + z_score(scores, groups) * np.where(spread > 0, spread, np.nan)


def _divide(values: Floats, by: Floats) -> Floats:
    return np.divide(values, by, out=np.full_like(values, np.nan), where=by > 0)
