"""Several teachers' scores as one, and how far they agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.views.grouping import Groups

__all__ = ["combine", "disagreement", "disagreement_weights", "mix_labels"]

Floats = NDArray[np.float64]


def combine(scores: Floats, weights: Floats) -> Floats:
    """The weighted mean `[P]` of scores `[T,P]`, over the teachers that do not abstain.

    Args:
        weights: `[T]`, or `[T,P]` as for a route, which is one for the teacher that answers and zero for the others.

    Returns:
        NaN where every teacher with a weight abstains.
    """
    weights = weights[:, None] if weights.ndim == 1 else weights
    speaking = np.where(np.isnan(scores), 0.0, weights)
    total = speaking.sum(0)
    sums = (speaking * np.nan_to_num(scores)).sum(0)
    return np.asarray(np.divide(sums, total, out=np.full(scores.shape[1], np.nan), where=total > 0))


def disagreement(standardised: Floats) -> Floats:
    """The variance `[P]` of the teachers' standardised scores `[T,P]`; 0 where fewer than two teachers speak."""
    speaking = ~np.isnan(standardised)
    count = np.maximum(speaking.sum(0), 1)
    mean = np.nansum(standardised, 0) / count
    return np.asarray(np.where(speaking, (np.nan_to_num(standardised) - mean) ** 2, 0.0).sum(0) / count)


def disagreement_weights(variance: Floats, groups: Groups, *, per: str, strength: float) -> Floats:
    """`1 / (1 + strength v)` of the variance `v` of each pair, or of its mean over the query.

    What inverse-variance weighting gives to a score whose error is a constant, of variance `1 / strength`, and what
    the teachers' disagreement adds to it.
    """
    return 1 / (1 + strength * (groups.mean(variance) if per == "query" else variance))


def mix_labels(scores: Floats, labelled: Floats, *, weight: float) -> Floats:
    """`(1 - weight) s + weight l` where `labelled [P]` has a score; `s` where it is NaN."""
    return np.where(np.isnan(labelled), scores, (1 - weight) * scores + weight * np.nan_to_num(labelled))
