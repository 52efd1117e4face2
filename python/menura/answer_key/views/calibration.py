"""From a teacher's logits to how likely a passage is relevant, fitted to labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from menura.answer_key.views.maps import Linear, Steps
from menura.errors import MenuraError

__all__ = ["brier_score", "fit_isotonic", "fit_logistic", "relevance"]

Floats = NDArray[np.float64]

ITERATIONS = 100


def relevance(labels: Floats, *, unjudged: str) -> Floats:
    """1 where `labels [P]` (grades; NaN: not judged) are 1 or more, else 0; pairs not judged stay NaN or become 0."""
    relevant = np.where(np.isnan(labels), np.nan, labels >= 1)
    return np.nan_to_num(relevant, nan=0.0) if unjudged == "irrelevant" else relevant


def fit_logistic(scores: Floats, relevant: Floats, *, name: str) -> Linear:
    """The log-odds of relevance, a line in the scores: Platt scaling, with Platt's smoothed targets.

    J. Platt: Probabilistic outputs for support vector machines (1999). With N1 relevant and N0 other pairs the targets
    are `(N1 + 1) / (N1 + 2)` and `1 / (N0 + 2)`, so that classes which the scores separate do not push the slope to
    infinity. Fitted by Newton's method.

    Args:
        scores: `[P]`, NaN where the teacher was not asked.
        relevant: `[P]`, 1, 0, or NaN where nobody knows.

    Raises:
        MenuraError: one of the two classes is empty, the scores are all the same, or the teacher scores relevant
            passages lower.
    """
    scores, relevant = _judged(scores, relevant, name)
    positives = relevant.sum()
    targets = np.where(relevant == 1, (positives + 1) / (positives + 2), 1 / (len(relevant) - positives + 2))
    centre, spread = scores.mean(), scores.std()
    design = np.stack([(scores - centre) / spread, np.ones_like(scores)])
    parameters = np.zeros(2)
    for _ in range(ITERATIONS):
        probability = _sigmoid(parameters @ design)
        curvature = (design * (probability * (1 - probability))) @ design.T + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, design @ (targets - probability))
        parameters = parameters + step * min(1.0, 5 / max(abs(step).max(), 1e-300))
        if abs(step).max() < 1e-10:
            break
    slope = float(parameters[0] / spread)
    _check_direction(slope > 0, name)
    return Linear(slope, float(parameters[1] - slope * centre))


def fit_isotonic(scores: Floats, relevant: Floats, *, name: str) -> Steps:
    """The probability of relevance that never falls with the score: isotonic regression, lines between its points.

    Raises:
        MenuraError: as `fit_logistic`; here the teacher is refused where no score tells relevant passages from others.
    """
    scores, relevant = _judged(scores, relevant, name)
    x, index = np.unique(scores, return_inverse=True)
    sizes = np.bincount(index)
    y = isotonic_regression(np.bincount(index, relevant) / sizes, weights=sizes).x
    _check_direction(bool(y[-1] > y[0]), name)
    # Within a level only its ends count.
    ends = np.r_[True, (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:]), True]
    return Steps(tuple(x[ends].tolist()), tuple(y[ends].tolist()))


def brier_score(scores: Floats, relevant: Floats, *, name: str) -> float:
    """The mean squared error of calibrated probabilities: `mean (sigmoid(a x + b) - r)^2`, see `fit_logistic`."""
    probability = _sigmoid(fit_logistic(scores, relevant, name=name)(scores))
    return float(np.nanmean((probability - relevant) ** 2))


def _judged(scores: Floats, relevant: Floats, name: str) -> tuple[Floats, Floats]:
    both = ~np.isnan(scores) & ~np.isnan(relevant)
    scores, relevant = scores[both], relevant[both]
    counts = int(relevant.sum()), int((1 - relevant).sum())
    if 0 in counts:
        raise MenuraError(
            f"[view] {name} cannot be calibrated: of its pairs {counts[0]} are judged relevant and {counts[1]} not "
            "relevant; it takes both kinds. view.unjudged: irrelevant takes passages that nobody judged for the second."
        )
    if scores.min() == scores.max():
        raise MenuraError(f"[view] {name} cannot be calibrated: it gives all {len(scores)} judged pairs {scores[0]:g}.")
    return scores, relevant


def _check_direction(rises: bool, name: str) -> None:
    if not rises:
        raise MenuraError(
            f"[view] {name} does not score the passages that are judged relevant higher than the others; calibration "
            "would turn it round or level it. Look at its scores, or leave it out."
        )


def _sigmoid(scores: Floats) -> Floats:
    return np.exp(-np.logaddexp(0, -scores))
