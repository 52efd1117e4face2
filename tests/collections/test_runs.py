"""The best of a row of scores, whole or in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from menura import MenuraError
from menura.collections import RunningTop, as_run, top


def test_top_breaks_ties_by_id():
    assert list(top(np.array([1, 3, 3, 2], np.float32), ["d", "c", "b", "a"], 3)) == ["b", "c", "a"]
    assert top(np.array([1.0], np.float32), ["a"], 5) == {"a": 1.0}


def test_nan_scores_are_refused():
    with pytest.raises(MenuraError, match="the score of passage 'b' is NaN"):
        top(np.array([1, np.nan, 2], np.float32), ["a", "b", "c"], 2)


@pytest.mark.parametrize("block", [1, 3, 7, 100])
@pytest.mark.parametrize("depth", [1, 4, 5, 200])
def test_block_by_block_is_the_same_as_whole(block, depth):
    """Few distinct scores, so that blocks end between equal ones; passages come in no order."""
    generator = np.random.default_rng(0)
    ids = [f"p{i}" for i in generator.permutation(41)]
    scores = generator.choice(np.array([-1.5, -0.0, 0.0, 1e-30, 2.5], np.float32), (6, 41))
    best = RunningTop([f"q{i}" for i in range(6)], ids, depth)
    order = generator.permutation(41)
    for start in range(0, 41, block):
        numbers = order[start : start + block]
        for queries in (slice(0, 4), slice(4, 6)):
            best.add(scores[queries][:, numbers], queries, numbers)
    expected = {f"q{i}": top(scores[i], ids, depth) for i in range(6)}
    assert best.run() == expected
    assert [list(found) for found in best.run().values()] == [list(found) for found in expected.values()]


def test_every_float_keeps_its_place_and_value():
    values = np.array([-np.inf, -3.4e38, -1.0, -1e-45, 0.0, 1e-45, 1.0, 3.4e38, np.inf], np.float32)
    best = RunningTop(["q"], list("abcdefghi"), 9)
    best.add(values[None], slice(0, 1), np.arange(9))
    assert list(best.run()["q"].items()) == list(zip("ihgfedcba", values[::-1].tolist(), strict=True))


def test_nan_is_named_by_its_passage():
    best = RunningTop(["q", "r"], ["b", "a", "c"], 2)
    with pytest.raises(MenuraError, match="passage 'c' is NaN"):
        best.add(np.array([[1, 1], [1, np.nan]], np.float32), slice(0, 2), np.array([0, 2]))


def test_nothing_came():
    assert RunningTop(["q"], [], 3).run() == {"q": {}}


def test_a_run_of_pairs_is_best_first_and_ties_by_id():
    run = as_run({("q2", "b"): 1.0, ("q1", "c"): 0.5, ("q2", "a"): 1.0, ("q2", "c"): 2.0})
    assert [(query_id, list(found.items())) for query_id, found in run.items()] == [
        ("q1", [("c", 0.5)]),
        ("q2", [("c", 2.0), ("a", 1.0), ("b", 1.0)]),
    ]
    assert as_run({}) == {}
