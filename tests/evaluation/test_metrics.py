"""Measures against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from menura import MenuraError
from menura.evaluation import measure

QRELS = {"q1": {"a": 1}, "q2": {"b": 1, "c": 1}}


def test_values_per_query():
    run = {"q1": {"x": 3.0, "a": 2.0}, "q2": {"b": 9.0, "x": 8.0, "c": 7.0}}
    scores = measure(run, QRELS)
    assert scores["MRR@10"] == {"q1": 0.5, "q2": 1.0}
    assert scores["Recall@100"] == {"q1": 1.0, "q2": 1.0}
    assert scores["nDCG@10"]["q1"] == pytest.approx(1 / math.log2(3))
    assert scores["nDCG@10"]["q2"] == pytest.approx((1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3)))


def test_depth_counts():
    run = {"q1": {**{f"x{i}": 100.0 - i for i in range(10)}, "a": 1.0}, "q2": {}}
    scores = measure(run, QRELS)
    assert scores["MRR@10"]["q1"] == scores["nDCG@10"]["q1"] == 0.0
    assert scores["Recall@100"]["q1"] == 1.0


@pytest.mark.parametrize("run", [{"q1": {"a": 1.0}}, {"q1": {"a": 1.0}, "q2": {}}])
def test_a_query_for_which_nothing_was_found_counts_zero(run):
    assert measure(run, QRELS)["nDCG@10"] == {"q1": 1.0, "q2": 0.0}


@pytest.mark.parametrize(
    ("run", "qrels", "message"),
    [({"q9": {"a": 1.0}}, QRELS, "the query 'q9'"), ({1: {"a": 1.0}}, QRELS, "the query 1"), ({}, {}, "no judgements")],
)
def test_what_cannot_be_measured_is_an_error(run, qrels, message):
    with pytest.raises(MenuraError, match=message):
        measure(run, qrels)


@pytest.mark.parametrize(("relevant", "place"), [("a", 1), ("b", 2)])
def test_equal_scores_have_one_order_for_every_measure(relevant, place):
    scores = measure({"q": {"b": 1.0, "a": 1.0}}, {"q": {relevant: 1}})
    assert scores["MRR@10"]["q"] == 1 / place
    assert scores["nDCG@10"]["q"] == pytest.approx(1 / math.log2(place + 1))
