"""Re-ranking: judged passages first, by logit; the rest below, as before."""

from __future__ import annotations

from menura.evaluation import rerank

RUN = {"q": {"a": 5.0, "b": 4.0, "c": 3.0, "d": 2.0}}


def order(run):
    return sorted(run["q"], key=lambda passage_id: -run["q"][passage_id])


def test_logits_order_what_they_judge():
    reranked = rerank(RUN, {("q", "a"): -3.0, ("q", "b"): -1.0, ("q", "c"): 2.0})
    assert list(reranked["q"]) == order(reranked) == ["c", "b", "a", "d"]


def test_without_logits_nothing_moves():
    assert order(rerank(RUN, {})) == list(RUN["q"])


def test_equal_logits_stand_in_the_order_of_their_ids():
    assert order(rerank(RUN, {("q", passage_id): 1.0 for passage_id in "cba"})) == ["a", "b", "c", "d"]


def test_another_querys_logits_do_not_count():
    assert order(rerank(RUN, {("other", "d"): 9.0})) == list(RUN["q"])
