"""Pair accuracy, calibration and intervals against slow loops and hand-made numbers."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binomtest

from menura.evaluation import compare, measure
from menura.evaluation.report_card import estimates
from menura.evaluation.report_card.calibration import calibrate, expected_calibration_error, fit_logistic
from menura.evaluation.report_card.quality import PAIR_ACCURACY, gains, pair_accuracy, qualities

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("values", [3, 1000])
def test_pair_accuracy_counts_couples(values):
    scores = GENERATOR.integers(0, values, 30) * 1.0
    relevant = GENERATOR.random(30) < 0.3
    couples = [(a > b) + (a == b) / 2 for a, b in product(scores[relevant], scores[~relevant])]
    assert pair_accuracy(scores, relevant) == pytest.approx(np.mean(couples))


def test_pair_accuracy_without_a_couple():
    assert math.isnan(pair_accuracy(np.ones(3), np.ones(3, bool)))
    assert math.isnan(pair_accuracy(np.ones(3), np.zeros(3, bool)))
    assert math.isnan(pair_accuracy(np.ones(0), np.zeros(0, bool)))


def test_every_system_against_the_baseline(make_judged):
    judged = make_judged(20)
    teacher, bm25 = qualities(judged.pairs, judged.qrels, "BM25")
    values = {system: measure(judged.scores[system], judged.qrels) for system in ("a teacher", "BM25")}
    for metric in ("nDCG@10", "MRR@10"):
        own, other = (np.array(list(values[system][metric].values())) for system in values)
        assert teacher.figures[metric].value == pytest.approx(own.mean())
        assert teacher.ahead[metric].value == pytest.approx((own - other).mean())
    assert teacher.p == compare(values["a teacher"]["nDCG@10"], values["BM25"]["nDCG@10"]).p
    assert (bm25.p, bm25.ahead) == (None, {})
    assert sum(gains(teacher, bm25).values()) / 20 == pytest.approx(teacher.ahead["nDCG@10"].value)
    rows = [np.array(list(found.values())) for found in judged.scores["a teacher"].values()]
    expected = np.mean([pair_accuracy(row, np.arange(12) < 2) for row in rows])
    assert teacher.figures[PAIR_ACCURACY].value == pytest.approx(expected)


def test_a_system_with_holes_is_not_measured(make_judged):
    judged = make_judged(5, others={"another": {"q000": {"q000p00": 1.0}}})
    assert [row.system for row in qualities(judged.pairs, judged.qrels, "BM25")] == ["a teacher", "BM25"]


def test_intervals_cover_as_often_as_they_say():
    covered = 0
    for seed in range(100):
        found = estimates.mean(np.random.default_rng(seed).normal(2, 1, 60))
        covered += found.low < 2 < found.high
    assert 88 <= covered <= 99


def test_one_query_has_no_interval():
    found = estimates.mean_of_known(np.array([np.nan, 0.25]))
    assert (found.value, found.low, found.high, found.queries) == (0.25, None, None, 1)
    assert estimates.mean_of_known(np.array([np.nan])) is None


def test_a_pooled_correlation():
    x, y = GENERATOR.normal(size=(2, 8, 5))
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    found = estimates.correlation((x * y).sum(1), (x * x).sum(1), (y * y).sum(1))
    assert found.value == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1])
    assert -1 <= found.low < found.value < found.high <= 1
    assert estimates.correlation(np.zeros(2), np.ones(2), np.zeros(2)) is None


def test_the_logistic_map_finds_the_truth():
    scores = GENERATOR.normal(3, 5, 20_000)
    slope, intercept = fit_logistic(scores, GENERATOR.random(20_000) < expit(0.7 * scores - 2))
    assert (slope, intercept) == pytest.approx((0.7, -2), abs=0.08)


def test_the_logistic_map_stays_finite_where_labels_are_separated():
    slope, intercept = fit_logistic(np.array([0.0, 1, 2, 3]), np.array([False, False, True, True]))
    # Platt's targets are 1/4 and 3/4, which a line meets in the middle.
    assert 0 < slope < 10
    assert intercept == pytest.approx(-1.5 * slope, abs=1e-3)
    assert fit_logistic(np.array([-1.0, 1.0]), np.array([False, True]))[0] == pytest.approx(logit(2 / 3), abs=1e-3)


def test_the_expected_calibration_error():
    probabilities = np.array([0.05, 0.05, 0.95, 1.0, 0.5])
    relevant = np.array([False, True, True, True, False])
    # Bins 0, 9 and 5 are 0.45, 0.025 and 0.5 off.
    assert expected_calibration_error(probabilities, relevant) == pytest.approx((2 * 0.45 + 2 * 0.025 + 0.5) / 5)


def test_the_curve_holds_every_pair_once(make_judged):
    judged = make_judged(30)
    found = calibrate(judged.pairs, "a teacher")
    scores = judged.pairs.scores["a teacher"]
    assert sum(observed.pairs for observed in found.bins) == len(scores)
    assert sum(observed.pairs * observed.score for observed in found.bins) == pytest.approx(scores.sum())
    assert sum(observed.pairs * observed.relevant for observed in found.bins) == pytest.approx(60)
    last = found.bins[-1]
    wilson = binomtest(round(last.relevant * last.pairs), last.pairs).proportion_ci(0.95, "wilson")
    assert (last.low, last.high) == pytest.approx((wilson.low, wilson.high))
    assert found.pooled_pair_accuracy == pair_accuracy(scores, judged.pairs.relevant)
    assert found.brier < found.brier_of_base_rate == pytest.approx(1 / 6 * 5 / 6)
    assert found.error < found.error_as_is


def test_probabilities_are_taken_as_they_are(make_judged):
    judged = make_judged(30, rescore=lambda q, p, score: float(expit(score - 2)))
    found = calibrate(judged.pairs, "a teacher")
    scores = judged.pairs.scores["a teacher"]
    assert found.error_as_is == expected_calibration_error(scores, judged.pairs.relevant)


def test_what_cannot_be_calibrated(make_judged):
    assert calibrate(make_judged(3, relevant=12).pairs, "a teacher") is None
    assert calibrate(make_judged(3, rescore=lambda *_: 0.5).pairs, "a teacher") is None
    few = calibrate(make_judged(3).pairs, "a teacher")
    assert (few.error, few.brier) == (None, None)
