"""Several scores as one, against loops, and what a vote is worth, against ir_measures."""

from __future__ import annotations

import math

import ir_measures
import numpy as np
import pytest

from menura import MenuraError
from menura.answer_key.views.combining import combine, disagreement, disagreement_weights, mix_labels
from menura.answer_key.views.grouping import Groups
from menura.answer_key.views.quality import inverse_weights, mean_ndcg, softmax_weights

NAN = math.nan
RANDOM = np.random.default_rng(1)
SCORES = np.where(RANDOM.random((3, 50)) < 0.3, NAN, RANDOM.normal(size=(3, 50)))


@pytest.mark.parametrize("weights", [np.array([0.2, 0.5, 0.3]), RANDOM.random((3, 50)).round()])
def test_a_weighted_mean_over_those_who_speak(weights):
    combined = combine(SCORES, weights)
    for pair in range(50):
        column = [weights[t] if weights.ndim == 1 else weights[t, pair] for t in range(3)]
        speaking = [t for t in range(3) if not math.isnan(SCORES[t, pair]) and column[t] > 0]
        if speaking:
            total = sum(column[t] for t in speaking)
            expected = sum(column[t] * SCORES[t, pair] for t in speaking) / total
            assert combined[pair] == pytest.approx(expected)
        else:
            assert math.isnan(combined[pair])


def test_disagreement_is_the_variance_of_those_who_speak():
    variance = disagreement(SCORES)
    for pair in range(50):
        known = SCORES[:, pair][~np.isnan(SCORES[:, pair])]
        assert variance[pair] == pytest.approx(known.var() if len(known) else 0)


def test_weights_by_disagreement():
    variance = np.array([0.0, 1.0, 3.0, 0.5])
    groups = Groups(["a", "a", "a", "b"])
    by_pair = disagreement_weights(variance, groups, per="pair", strength=2.0)
    np.testing.assert_allclose(by_pair, [1, 1 / 3, 1 / 7, 1 / 2])
    by_query = disagreement_weights(variance, groups, per="query", strength=1.0)
    np.testing.assert_allclose(by_query, [1 / (1 + 4 / 3)] * 3 + [1 / 1.5])


def test_labels_are_mixed_in_where_there_are_any():
    mixed = mix_labels(np.array([1.0, 2.0, 3.0]), np.array([5.0, NAN, -1.0]), weight=0.25)
    np.testing.assert_allclose(mixed, [2.0, 2.0, 2.0])


def test_ndcg_is_that_of_ir_measures():
    queries = np.repeat(np.arange(8), 15)
    scores, labels = RANDOM.normal(size=120), RANDOM.integers(0, 4, 120).astype(float)
    labels[RANDOM.random(120) < 0.5] = NAN
    labels[queries == 3] = NAN  # nothing is relevant: the query says nothing
    qrels = {
        str(q): {str(i): int(labels[i]) for i in np.flatnonzero(queries == q) if not math.isnan(labels[i])}
        for q in range(8)
        if q != 3
    }
    run = {q: {str(i): float(scores[i]) for i in np.flatnonzero(queries == int(q))} for q in qrels}
    expected = ir_measures.calc_aggregate([ir_measures.nDCG @ 10], qrels, run)[ir_measures.nDCG @ 10]
    assert mean_ndcg(scores, labels, Groups(queries), name="a") == pytest.approx(expected)


def test_ties_are_worth_their_mean_in_every_order():
    groups = Groups([0, 0, 0])
    value = mean_ndcg(np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]), groups, name="a")
    assert value == pytest.approx((1 + 1 / math.log2(3)) / 2)
    assert mean_ndcg(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0]), groups, name="a") == pytest.approx(value)


def test_quality_that_nobody_knows():
    for labels in ([1.0, 1.0], [NAN, 0.0]):
        with pytest.raises(MenuraError, match="no query with a relevant and another passage"):
            mean_ndcg(np.array([1.0, 2.0]), np.array(labels), Groups([0, 0]), name="a")


def test_votes():
    np.testing.assert_allclose(softmax_weights(np.array([0.5, 0.6]), 0.1), [1 / (1 + math.e), math.e / (1 + math.e)])
    np.testing.assert_allclose(inverse_weights(np.array([0.1, 0.3])), [0.75, 0.25])
    assert np.isfinite(inverse_weights(np.array([0.0, 0.3]))).all()
