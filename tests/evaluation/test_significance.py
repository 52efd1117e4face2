"""The paired randomization test."""

from __future__ import annotations

import random

import pytest

from menura import MenuraError
from menura.evaluation import compare
from menura.evaluation.significance import PERMUTATIONS


def values(shift=0.0, count=60, seed=1):
    generator = random.Random(seed)
    return {f"q{i}": generator.random() + shift for i in range(count)}


def test_alike_systems_are_not_told_apart():
    outcome = compare(values(), values())
    assert outcome.difference == 0.0
    assert outcome.p == 1.0


def test_a_constant_lead_gives_the_smallest_p():
    outcome = compare(values(0.1), values())
    assert outcome.queries == 60
    assert outcome.difference == pytest.approx(0.1)
    assert outcome.p == pytest.approx(1 / (PERMUTATIONS + 1))


def test_exact_p_of_few_queries():
    # All of 2**4 swappings of equal differences: only the two extreme ones reach the mean observed.
    outcome = compare({f"q{i}": 1.0 for i in range(4)}, {f"q{i}": 0.0 for i in range(4)})
    assert outcome.p == pytest.approx(2 / 16, abs=0.01)


def test_two_sided_and_repeatable():
    first, second = values(0.05, seed=1), values(seed=2)
    ahead, behind = compare(first, second), compare(second, first)
    assert ahead.difference == pytest.approx(-behind.difference)
    assert ahead.p == behind.p == compare(first, second).p


def test_the_order_of_the_queries_does_not_matter():
    first, second = values(0.05, seed=1), values(seed=2)
    assert compare(dict(reversed(first.items())), second) == compare(first, second)


@pytest.mark.parametrize(("first", "second"), [({"a": 1.0}, {"b": 1.0}), ({"a": 1.0}, {}), ({}, {})])
def test_different_or_no_queries_are_an_error(first, second):
    with pytest.raises(MenuraError, match="needs the same queries on both sides"):
        compare(first, second)
