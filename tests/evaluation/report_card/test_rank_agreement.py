"""Rank correlations against scipy and against loops over all orders."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from menura.evaluation.report_card.agreement import agreement, agreement_matrix, kendall, tau_ap

GENERATOR = np.random.default_rng(0)
LISTS = [(GENERATOR.integers(0, values, n) * 1.0, GENERATOR.integers(0, values, n) * 1.0)
         for n in (2, 3, 5, 6) for values in (3, 50) for _ in range(6)]  # fmt: skip
LISTS = [sides for sides in LISTS if all(len(set(side)) > 1 for side in sides)]


def flipped(first, second):
    signs = [
        np.sign(first[i] - first[j]) * np.sign(second[i] - second[j]) for i, j in combinations(range(len(first)), 2)
    ]
    return signs.count(-1) / (signs.count(-1) + signs.count(1))


def tau_ap_of_all_orders(reference, scores):
    """The mean over every order of the tied."""
    values = []
    for order in permutations(range(len(scores))):
        if any(scores[a] < scores[b] for a, b in pairwise(order)):
            continue
        total = 0.0
        for rank in range(1, len(order)):
            above = [np.sign(reference[i] - reference[order[rank]]) / 2 + 0.5 for i in order[:rank]]
            total += sum(above) / rank
        values.append(2 * total / (len(scores) - 1) - 1)
    return np.mean(values)


@pytest.mark.parametrize(("first", "second"), LISTS)
def test_lists_with_and_without_ties(first, second):
    tau_b, share = kendall(first, second)
    assert tau_b == pytest.approx(kendalltau(first, second).statistic)
    assert share == pytest.approx(flipped(first, second))
    assert tau_ap(first, second) == pytest.approx(tau_ap_of_all_orders(first, second))


def test_tau_ap_looks_at_the_top():
    reference = np.array([5.0, 4, 3, 2, 1])
    top, bottom = np.array([4.0, 5, 3, 2, 1]), np.array([5.0, 4, 3, 1, 2])
    assert kendall(reference, top)[0] == kendall(reference, bottom)[0]
    assert tau_ap(reference, top) < tau_ap(reference, bottom)
    assert tau_ap(reference, reference) == 1
    assert tau_ap(reference, -reference) == -1


def test_means_over_queries(make_judged):
    judged = make_judged(7)
    found = agreement(judged.pairs, "a teacher", "BM25")
    sides = [
        [list(judged.scores[system][query_id].values()) for system in ("a teacher", "BM25")]
        for query_id in judged.pairs.query_ids
    ]
    assert found.tau_b.value == pytest.approx(np.mean([kendalltau(*side).statistic for side in sides]))
    assert found.spearman.value == pytest.approx(np.mean([spearmanr(*side).statistic for side in sides]))
    assert found.tau_b.low < found.tau_b.value < found.tau_b.high
    assert found.pairs == 7 * 12
    assert agreement_matrix(judged.pairs)["BM25"]["a teacher"] == pytest.approx(found.tau_b.value)


def test_only_shared_pairs_and_queries_that_are_told_apart_count(make_judged):
    other = {"q000": {"q000p00": 2.0, "q000p05": 1.0}, "q001": {"q001p00": 3.0, "q001p01": 3.0}, "q002": {}}
    judged = make_judged(4, others={"another": other})
    found = agreement(judged.pairs, "a teacher", "another")
    assert (found.pairs, found.undefined, list(found.per_query)) == (4, 3, ["q000"])
    assert found.tau_b.low is None
    assert agreement_matrix(judged.pairs)["another"]["a teacher"] == found.tau_b.value


def test_a_constant_system_orders_nothing(make_judged):
    judged = make_judged(4, rescore=lambda *_: 1.0)
    assert agreement(judged.pairs, "a teacher", "BM25") is None
    assert agreement_matrix(judged.pairs)["a teacher"]["BM25"] is None
