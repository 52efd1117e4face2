"""Who favours what, and who contradicts whom, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from menura.evaluation.report_card import Judged
from menura.evaluation.report_card.biases import biases, features
from menura.evaluation.report_card.contradictions import contradictions


def judged(scores, qrels, *, corpus=None, queries=None, bm25=None):
    corpus = corpus or {p: f"text of {p}" for found in scores.values() for p in found}
    queries = queries or {query_id: f"query {query_id}" for query_id in scores}
    return Judged("made up", "test", queries, corpus, qrels, {"a": scores, "BM25": bm25 or scores}, "a", "BM25")


def test_features_by_hand():
    corpus = {
        "p1": "The wings of a wing, and the heating of it",
        "p2": "Nothing of that kind",
        "p3": "heated panels of a wing",
        "p4": "",
    }
    one = judged({"q": dict.fromkeys(corpus, 0.0)}, {"q": {"p1": 1}}, corpus=corpus, queries={"q": "heat the wing"})
    found = features(one.pairs, one.queries, corpus)
    assert found["length"].tolist() == [10, 4, 5, 0]
    assert found["overlap"].tolist() == [1, 0, 1, 0]
    # Of p1 "wing wing heat" is left, of p3 "heat panel wing".
    np.testing.assert_equal(found["position"], [0, np.nan, 0, np.nan])


def test_a_query_of_stop_words_has_no_overlap():
    corpus = {"p1": "some words", "p2": "others"}
    one = judged({"q": {"p1": 1.0, "p2": 2.0}}, {"q": {"p1": 1}}, corpus=corpus, queries={"q": "of the"})
    overlap, position = biases(one.pairs, "a", "BM25", one.queries, corpus)[1:]
    assert (overlap.pairs, overlap.within, overlap.labels, overlap.bins_others) == (0, None, None, [])
    assert position.pairs == 0


def test_correlations_are_within_a_query_and_a_label(make_judged):
    made = make_judged(15)
    found = biases(made.pairs, "a teacher", "BM25", made.queries, made.corpus)[0]
    x, y = [], []
    for query_id, scores in made.scores["a teacher"].items():
        for relevant in (True, False):
            chosen = [p for p in scores if (p in made.qrels[query_id]) is relevant]
            for ranks, values in ((x, [len(made.corpus[p].split()) for p in chosen]), (y, [scores[p] for p in chosen])):
                ranked = rankdata(values) / len(chosen)
                ranks.extend(ranked - ranked.mean())
    assert found.within.value == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found.within.low < found.within.value < found.within.high
    assert sum(mean.pairs for mean in found.bins_relevant + found.bins_others) == found.pairs == 15 * 12
    total = sum(mean.pairs * mean.score for mean in found.bins_relevant + found.bins_others)
    assert total == pytest.approx(0, abs=1e-9)


def test_a_feature_that_never_varies_has_no_effect():
    scores = {f"q{i}": {f"q{i}p{j}": float(j) for j in range(5)} for i in range(4)}
    one = judged(scores, {query_id: {f"{query_id}p0": 1} for query_id in scores})
    length = biases(one.pairs, "a", "BM25", one.queries, one.corpus)[0]
    assert (length.within, length.labels.value) == (None, 0)


def test_disputes_by_hand():
    scores = {
        "q1": {"a": 9.0, "b": 3.0, "c": 1.0},  # c is relevant: the widest gap
        "q2": {"a": 5.0, "b": 5.0},  # a tie is no dispute
        "q3": {"a": 2.0, "b": 3.0, "c": 1.0},  # a and c are relevant, a is liked better
        "q4": {"a": 2.0, "b": 1.0},
    }
    qrels = {"q1": {"c": 2, "b": 0}, "q2": {"a": 1}, "q3": {"a": 1, "c": 3}, "q4": {"a": 1}}
    found = contradictions(judged(scores, qrels, bm25={**scores, "q3": {"a": 3.0, "b": 2.0, "c": 1.0}}))
    assert (found.queries, found.favourites, found.reversed) == (4, 2, 2)
    assert found.seconded == {"BM25": 0.5}
    assert found.median_pair_accuracy == 0.25
    first, second = found.worst
    assert (first.query_id, first.favourite.passage_id, first.labelled.passage_id) == ("q1", "a", "c")
    assert (first.favourite.label, first.labelled.label) == ("not judged", "relevant, grade 2")
    assert (first.favourite.rank, first.labelled.rank, first.pair_accuracy) == (1, 3, 0)
    spread = np.std([score for found in scores.values() for score in found.values()])
    assert first.gap == pytest.approx(8 / spread)
    assert (second.favourite.passage_id, second.labelled.passage_id, second.labelled.rank) == ("b", "a", 2)


def test_a_judged_favourite_is_not_called_unjudged():
    found = contradictions(judged({"q": {"a": 2.0, "b": 1.0}}, {"q": {"a": 0, "b": 1}}))
    assert found.worst[0].favourite.label == "judged not relevant, grade 0"
