"""What a score is worth: how often a passage of that score is labelled relevant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import binomtest

from menura.evaluation.report_card.estimates import CONFIDENCE
from menura.evaluation.report_card.judged import JudgedPairs
from menura.evaluation.report_card.quality import pair_accuracy

__all__ = ["Bin", "Calibration", "calibrate", "expected_calibration_error", "fit_logistic"]

CURVE_BINS = 10
ERROR_BINS = 10
FOLDS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Pairs of like score: the mean `score`, the share labelled relevant and its 95 % Wilson interval."""

    score: float
    relevant: float
    low: float
    high: float
    pairs: int


@dataclass(frozen=True)
class Calibration:
    """The teacher's score as a probability of being labelled relevant.

    Attributes:
        slope, intercept: of the map P = 1 / (1 + exp(-(slope * score + intercept))) fitted on all pairs.
        bins: the curve that was observed.
        error: the expected calibration error of the map on queries that it was not fitted on; `brier` its Brier
            score there. None: too few queries to leave some out.
        brier_of_base_rate: the Brier score of saying the share of relevant pairs every time.
        error_as_is: the expected calibration error of the scores themselves, or of their sigmoid where they are no
            probabilities.
        pooled_pair_accuracy: that of couples across queries: do scores of different queries mean the same?
    """

    slope: float
    intercept: float
    bins: list[Bin]
    error: float | None
    brier: float | None
    brier_of_base_rate: float
    error_as_is: float
    pooled_pair_accuracy: float


def calibrate(pairs: JudgedPairs, teacher: str) -> Calibration | None:
    """How the scores of `teacher` go with the labels. None: they never vary, or every pair is relevant."""
    scores, relevant = pairs.scores[teacher], pairs.relevant
    if relevant.all() or scores.min() == scores.max():
        return None
    slope, intercept = fit_logistic(scores, relevant)
    held_out = _held_out(pairs, scores)
    as_is = scores if scores.min() >= 0 and scores.max() <= 1 else expit(scores)
    share = relevant.mean()
    return Calibration(
        slope,
        intercept,
        _curve(scores, relevant),
        None if held_out is None else expected_calibration_error(held_out, relevant),
        None if held_out is None else float(((held_out - relevant) ** 2).mean()),
        float(share * (1 - share)),
        expected_calibration_error(as_is, relevant),
        pair_accuracy(scores, relevant),
    )


def fit_logistic(scores: Floats, relevant: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of greatest likelihood, with Platt's targets, which keep them finite (Platt 1999)."""
    count = relevant.sum()
    target = np.where(relevant, (count + 1) / (count + 2), 1 / (len(relevant) - count + 2))
    centre, spread = scores.mean(), scores.std() or 1.0
    standard = (scores - centre) / spread

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = weights[0] * standard + weights[1]
        slopes = expit(logits) - target
        return float((np.logaddexp(0, logits) - target * logits).mean()), np.array(
            [(slopes * standard).mean(), slopes.mean()]
        )

    slope, intercept = minimize(loss, np.zeros(2), jac=True, method="BFGS").x
    return float(slope / spread), float(intercept - slope * centre / spread)


def expected_calibration_error(probabilities: Floats, relevant: NDArray[np.bool_]) -> float:
    """sum_b n_b / n |mean probability - share relevant| over ten bins of equal width (Guo et al., ICML 2017)."""
    bins = np.minimum((probabilities * ERROR_BINS).astype(int), ERROR_BINS - 1)
    gaps = np.bincount(bins, probabilities - relevant, ERROR_BINS)
    return float(abs(gaps).sum() / len(probabilities))


def _held_out(pairs: JudgedPairs, scores: Floats) -> Floats | None:
    """Each pair's probability by the map fitted without its query and others, in five folds."""
    if len(pairs.slices) < FOLDS:
        return None
    fold = pairs.query_rows % FOLDS
    probabilities = np.empty(len(pairs))
    for held_out in range(FOLDS):
        there = fold == held_out
        slope, intercept = fit_logistic(scores[~there], pairs.relevant[~there])
        probabilities[there] = expit(slope * scores[there] + intercept)
    return probabilities


def _curve(scores: Floats, relevant: NDArray[np.bool_]) -> list[Bin]:
    # Half of the edges from either side: in bins of equal size alone, nearly all would hold next to nothing relevant.
    inner = np.linspace(0, 1, CURVE_BINS // 2 + 1)[1:-1]
    edges = np.unique(np.concatenate([np.quantile(scores[side], inner) for side in (relevant, ~relevant)]))
    found = np.digitize(scores, edges)
    return [_bin(scores[found == i], relevant[found == i]) for i in np.unique(found)]


def _bin(scores: Floats, relevant: NDArray[np.bool_]) -> Bin:
    interval = binomtest(int(relevant.sum()), len(relevant)).proportion_ci(CONFIDENCE, "wilson")
    return Bin(float(scores.mean()), float(relevant.mean()), float(interval.low), float(interval.high), len(relevant))
