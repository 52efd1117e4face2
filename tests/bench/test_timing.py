"""Sampling in turn; no test looks at how long anything took."""

from __future__ import annotations

from itertools import count

import pytest

from menura.bench import timing
from menura.bench.timing import Samples, interleave


@pytest.fixture
def load(monkeypatch):
    """Say which samples were disturbed, by their number from 0; samples are single calls."""

    def disturb(numbers):
        numbered = count()
        monkeypatch.setattr(timing, "PAUSE", 0)
        monkeypatch.setattr(timing, "SHORTEST_SAMPLE", 1)
        monkeypatch.setattr(timing, "undisturbed", lambda *_: next(numbered) not in numbers)

    return disturb


def test_percentiles():
    samples = Samples([4.0, 1.0, 3.0, 2.0, 5.0], taken=7)
    assert [samples.percentile(percent) for percent in (20, 50, 80)] == pytest.approx([1.8, 3.0, 4.2])
    assert Samples([2.5]).percentile(20) == 2.5
    assert Samples([], taken=3).percentile(50) is None


def test_each_round_begins_with_another(load):
    load(set())
    order = []
    interleave({name: lambda name=name: order.append(name) for name in "abc"}, samples=3)
    assert "".join(order) == "abc" + "abc" + "bca" + "cab"  # the first three warm up


def test_a_disturbed_sample_is_taken_again_by_all(load):
    load({0})
    taken = interleave({"a": lambda: None, "b": lambda: None}, samples=2)
    assert [(len(each.kept), each.taken) for each in taken.values()] == [(2, 3), (3, 3)]


def test_patience_ends(load):
    load(range(1000))
    taken = interleave({"a": lambda: None}, samples=2)
    assert taken["a"].kept == []
    assert taken["a"].taken == 2 * timing.PATIENCE


def test_a_short_call_is_repeated(monkeypatch):
    calls = []
    monkeypatch.setattr(timing, "SHORTEST_SAMPLE", 1_000_000)
    taken = interleave({"a": lambda: calls.append(0)}, samples=1)
    assert len(calls) > 10 * taken["a"].taken


def test_nobody_to_time():
    assert interleave({}, samples=3) == {}
