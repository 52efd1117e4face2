"""Scales against numbers worked out by hand, slow loops and other libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from menura import MenuraError
from menura.answer_key.views.calibration import brier_score, fit_isotonic, fit_logistic, relevance
from menura.answer_key.views.grouping import Groups
from menura.answer_key.views.maps import Linear, Steps, match_moments
from menura.answer_key.views.scaling import like_reference, min_max, z_score

NAN = math.nan
RANDOM = np.random.default_rng(0)
QUERIES = RANDOM.integers(0, 7, 60)
SCORES = np.where(RANDOM.random(60) < 0.1, NAN, RANDOM.normal(2, 5, 60))
REFERENCE = np.where(RANDOM.random(60) < 0.1, NAN, RANDOM.normal(-1, 2, 60))


def by_query(function, *columns):
    """The same with one query at a time, on the pairs where all columns are there."""
    result = np.full(len(QUERIES), NAN)
    for query in set(QUERIES.tolist()):
        chosen = [i for i in range(len(QUERIES)) if QUERIES[i] == query and not any(math.isnan(c[i]) for c in columns)]
        for i, value in zip(chosen, function(*([column[i] for i in chosen] for column in columns)), strict=True):
            result[i] = value
    return result


def test_by_hand():
    groups = Groups(["a", "b", "a", "b", "a"])
    scores = np.array([1.0, 10.0, 3.0, 30.0, 5.0])
    np.testing.assert_allclose(min_max(scores, groups), [0, 0, 0.5, 1, 1])
    root = math.sqrt(1.5)
    np.testing.assert_allclose(z_score(scores, groups), [-root, -1, 0, 1, root])
    reference = np.array([0.0, 7.0, 0.0, 5.0, 3.0])
    like = like_reference(scores, reference, groups)
    np.testing.assert_allclose(like, [1 - root * math.sqrt(2), 5, 1, 7, 1 + root * math.sqrt(2)])


def test_against_one_query_at_a_time():
    groups = Groups(QUERIES)
    np.testing.assert_allclose(
        min_max(SCORES, groups), by_query(lambda x: [(v - min(x)) / (max(x) - min(x)) for v in x], SCORES)
    )
    np.testing.assert_allclose(
        z_score(SCORES, groups), by_query(lambda x: [(v - np.mean(x)) / np.std(x) for v in x], SCORES)
    )
    expected = by_query(
        lambda x, r: [np.mean(r) + (v - np.mean(x)) / np.std(x) * np.std(r) for v in x], SCORES, REFERENCE
    )
    np.testing.assert_allclose(like_reference(SCORES, REFERENCE, groups), expected)


@pytest.mark.parametrize("scale", [min_max, z_score])
def test_a_query_without_a_scale_is_silent(scale):
    groups = Groups([0, 1, 1, 1, 2, 2, 3, 3])
    # One passage; three of one score, which a mean in floating point misses; two, of which one was not asked.
    scaled = scale(np.array([4.0, 0.1, 0.1, 0.1, NAN, 6.0, 1.0, 2.0]), groups)
    assert np.isnan(scaled[:6]).all()
    assert np.isfinite(scaled[6:]).all()


def test_a_silent_reference():
    groups = Groups([0, 0, 1, 1])
    assert np.isnan(like_reference(np.array([1.0, 2, 3, 4]), np.array([5.0, 5, 0, 1]), groups)[:2]).all()


def test_no_pairs():
    assert min_max(np.empty(0), Groups([])).shape == (0,)
    assert [len(members) for members in Groups([]).members()] == [0]


def test_moments_are_matched_where_both_have_scores():
    fitted = match_moments(SCORES, REFERENCE, name="a", like="b")
    both = ~np.isnan(SCORES) & ~np.isnan(REFERENCE)
    mapped = fitted(SCORES[both])
    assert mapped.mean() == pytest.approx(REFERENCE[both].mean())
    assert mapped.std() == pytest.approx(REFERENCE[both].std())
    assert match_moments(np.array([0.0, 2]), np.array([10.0, 30]), name="a", like="b") == Linear(10, 10)


@pytest.mark.parametrize(
    ("scores", "reference", "message"),
    [
        ([1.0, 1.0], [1.0, 2.0], "the scores of a are 1 on all 2 pairs"),
        ([1.0, 2.0], [3.0, 3.0], "the scores of b are 3 on all 2 pairs"),
        ([1.0, NAN], [NAN, 2.0], "a and b have no pair in common"),
    ],
)
def test_moments_that_cannot_be_matched(scores, reference, message):
    with pytest.raises(MenuraError, match=message):
        match_moments(np.array(scores), np.array(reference), name="a", like="b")


LABELS = (RANDOM.random(400) < 0.3).astype(float)
NOISY = 3 * LABELS + RANDOM.normal(0, 2, 400) + 100


def test_logistic_calibration_is_the_maximum_of_its_likelihood():
    fitted = fit_logistic(NOISY, LABELS, name="a")
    # Smoothed targets as weighted rows of both classes, for a library that takes none.
    ones = LABELS.sum()
    targets = np.where(LABELS == 1, (ones + 1) / (ones + 2), 1 / (400 - ones + 2))
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    rows = np.concatenate([NOISY, NOISY])[:, None] - 100
    model.fit(rows, np.r_[np.ones(400), np.zeros(400)], sample_weight=np.r_[targets, 1 - targets])
    assert fitted.scale == pytest.approx(model.coef_[0, 0], rel=1e-4)
    assert fitted.offset + 100 * fitted.scale == pytest.approx(model.intercept_[0], abs=1e-3)


def test_classes_that_a_score_separates_have_a_finite_slope():
    fitted = fit_logistic(np.array([1.0, 2, 3, 1000]), np.array([0.0, 0, 1, 1]), name="a")
    assert 0 < fitted.scale < 10
    assert np.isfinite(fitted.offset)


def test_isotonic_calibration_is_that_of_scikit_learn():
    scores = np.round(NOISY)  # with ties
    fitted = fit_isotonic(scores, LABELS, name="a")
    asked = np.linspace(scores.min() - 5, scores.max() + 5, 97)
    expected = IsotonicRegression(out_of_bounds="clip").fit(scores, LABELS).predict(asked)
    np.testing.assert_allclose(fitted(asked), expected, atol=1e-12)
    assert np.isnan(fitted(np.array([NAN]))).all()


def test_the_brier_score_of_a_better_teacher_is_lower():
    better = NOISY - RANDOM.normal(0, 0.1, 400) + 6 * LABELS
    assert brier_score(better, LABELS, name="a") < 0.8 * brier_score(NOISY, LABELS, name="a")
    fitted = fit_logistic(NOISY, LABELS, name="a")
    by_hand = np.mean([(1 / (1 + math.exp(-fitted(s))) - label) ** 2 for s, label in zip(NOISY, LABELS, strict=True)])
    assert brier_score(NOISY, LABELS, name="a") == pytest.approx(by_hand)


def test_what_nobody_judged():
    labels = np.array([2, 0, -1, NAN])
    np.testing.assert_array_equal(relevance(labels, unjudged="ignore"), [1, 0, 0, NAN])
    np.testing.assert_array_equal(relevance(labels, unjudged="irrelevant"), [1, 0, 0, 0])


@pytest.mark.parametrize("fit", [fit_logistic, fit_isotonic])
@pytest.mark.parametrize(
    ("scores", "relevant", "message"),
    [
        ([1, 2, 3], [1, 1, NAN], "of its pairs 2 are judged relevant and 0 not relevant.* view.unjudged: irrelevant"),
        ([1, 2, NAN], [0, NAN, 1], "0 are judged relevant and 1 not relevant"),
        ([5, 5, 5], [0, 1, 1], "it gives all 3 judged pairs 5"),
        ([1, 2, 3, 4], [1, 1, 0, 0], "a does not score the passages that are judged relevant higher"),
    ],
)
def test_what_cannot_be_calibrated(fit, scores, relevant, message):
    with pytest.raises(MenuraError, match=message):
        fit(np.array(scores, float), np.array(relevant, float), name="a")


def test_points_with_lines_between_them():
    np.testing.assert_allclose(Steps((0, 1), (0, 0.5))(np.array([-1, 0.5, 9])), [0, 0.25, 0.5])
