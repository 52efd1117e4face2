"""The filter of false negatives: every rule against a loop that spells it out, by every judge."""

from __future__ import annotations

import itertools
import logging
import math
from pathlib import Path

import numpy as np
import pytest

from menura import MenuraError
from menura.answer_key import AnswerKey, hash_texts
from menura.collections import Collection, read_beir
from menura.mining import Bm25Miner, Candidates, DenseMiner, TeacherJudge, drop_false_negatives, mine
from menura.mining.false_negatives import false_negatives, upper_limit
from menura.recipe import FilterSettings, MiningSettings
from tiny import tiny_beir, tiny_encoder


class Judge:
    """Answers from a table."""

    def __init__(self, scores):
        self.scores = scores

    def score(self, queries, passages):
        return {q: {p: self.scores[q, p] for p in passages.get(q, ()) if (q, p) in self.scores} for q in queries}


def is_dropped(score, positives, settings):
    """The rules as they are told, one by one."""
    counted = {"weakest": min, "strongest": max, "mean": lambda s: sum(s) / len(s)}[settings.positive](positives)
    if settings.max_score is not None and score > settings.max_score:
        return True
    if settings.min_score is not None and score < settings.min_score:
        return True
    if settings.margin is not None and score > counted - settings.margin:
        return True
    return settings.relative_margin is not None and counted - score < settings.relative_margin * abs(counted)


RULES = [
    {"max_score": 0.5},
    {"min_score": -1.0},
    {"margin": 0.0},
    {"margin": 0.75},
    {"margin": -0.5},
    {"relative_margin": 0.0},
    {"relative_margin": 0.05},
    {"relative_margin": 0.5},
    {"max_score": 2.0, "min_score": 0.0, "margin": 0.25, "relative_margin": 0.25},
]


@pytest.mark.parametrize("positive", ["weakest", "mean", "strongest"])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule_is_what_it_says(rule, positive):
    """Quarters between -3 and 3, exact in float32, so that many scores lie on a limit."""
    generator = np.random.default_rng(0)
    settings = FilterSettings(positive=positive, **rule)
    queries = {f"q{i}": "text" for i in range(20)}
    scores = {(q, f"p{i}"): float(generator.integers(-12, 13)) / 4 for q in queries for i in range(30)}
    positives = {q: [f"p{i}" for i in range(1 + number % 3)] for number, q in enumerate(queries)}
    mined = {q: [f"p{i}" for i in range(3, 30)] for q in queries}
    rows = false_negatives(Judge(scores), settings, queries, positives, mined)
    expected = {
        (q, p)
        for q, p in itertools.chain.from_iterable(((q, p) for p in mined[q]) for q in queries)
        if is_dropped(scores[q, p], [scores[q, positive] for positive in positives[q]], settings)
    }
    assert {(row["query_id"], row["passage_id"]) for row in rows} == expected
    assert 0 < len(expected) < len(queries) * 27
    assert all(row["score"] == scores[row["query_id"], row["passage_id"]] for row in rows)
    for row in rows:
        assert (row["score"] > row["limit"]) == (row["reason"] == "above limit")


@pytest.mark.parametrize("score", [-10.0, -0.5, 0.0, 0.5, 10.0])
def test_a_relative_limit_is_never_above_the_positive(score):
    """95 % of -10 is -9.5, by which a passage better than the positive would stay."""
    limit = upper_limit(FilterSettings(relative_margin=0.05), [score])
    assert limit == pytest.approx(score - 0.05 * abs(score))
    assert limit <= score


def test_a_filter_must_say_something():
    with pytest.raises(ValueError, match="give max_score, min_score, margin or relative_margin"):
        FilterSettings(judge="bm25")
    with pytest.raises(ValueError, match="logits have no zero"):
        FilterSettings(judge="teacher", relative_margin=0.05)


def test_what_the_judge_does_not_know_stays(caplog):
    settings = FilterSettings(margin=1.0, max_score=5.0)
    scores = {("q", "n"): 4.0, ("q", "m"): 6.0, ("r", "p"): 3.0, ("r", "n"): 2.5}
    with caplog.at_level(logging.WARNING):
        rows = false_negatives(
            Judge(scores),
            settings,
            {"q": "", "r": ""},
            {"q": ["p"], "r": ["p", "unknown"]},
            {"q": ["n", "m", "unknown"], "r": ["n", "unknown"]},
        )
    assert [(row["query_id"], row["passage_id"], row["limit"]) for row in rows] == [("q", "m", 5.0), ("r", "n", 2.0)]
    assert "1 queries have no positive that the judge knows" in caplog.text


@pytest.mark.parametrize("broken", ["p", "n"])
def test_a_judge_that_gives_nan(broken):
    scores = {("q", "p"): 1.0, ("q", "n"): 1.0, ("q", broken): math.nan}
    with pytest.raises(MenuraError, match=f"query 'q' and the passage '{broken}' is NaN"):
        false_negatives(Judge(scores), FilterSettings(margin=0), {"q": ""}, {"q": ["p"]}, {"q": ["n"]})


def negatives(collection: Collection, **settings):
    candidates = mine(collection, MiningSettings(negatives=40, depth=40, **settings))
    return {query_id: set(mined) for query_id, (_, mined) in candidates.by_query().items()}


def test_the_filter_reaches_what_only_bm25_found(tmp_path):
    """Of depth 1, the dense miner finds one passage; BM25's must be compared with the positive all the same."""
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    model = tiny_encoder(tmp_path / "model")
    dense = DenseMiner(model, collection.corpus)
    below = FilterSettings(relative_margin=0.01)
    candidates = mine(collection, MiningSettings(dense_model=model, depth=1, negatives=2, filter=below))
    sides = candidates.by_query()
    scores = dense.score(collection.queries, {q: [*positives, *mined] for q, (positives, mined) in sides.items()})
    for query_id, (positives, mined) in sides.items():
        assert all(scores[query_id][p] <= 0.99 * scores[query_id][positives[0]] for p in mined)
    assert candidates.drop_counts()["above limit"] > 0


def test_a_higher_margin_leaves_fewer_negatives(tmp_path):
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    model = tiny_encoder(tmp_path / "model")
    loose, strict = (
        negatives(collection, dense_model=model, filter=FilterSettings(relative_margin=margin)) for margin in (0, 0.1)
    )
    assert all(strict[query_id] <= loose[query_id] for query_id in loose)
    assert sum(map(len, strict.values())) < sum(map(len, loose.values()))


def test_a_judge_need_not_mine(tmp_path):
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    none = FilterSettings(judge="bm25", max_score=0.0)
    kept = negatives(collection, miners=["random"], filter=none)
    scores = Bm25Miner(collection.corpus).score(collection.queries, kept)
    assert {score for found in scores.values() for score in found.values()} == {0.0}
    with pytest.raises(MenuraError, match=r"needs mining\.dense_model"):
        negatives(collection, miners=["bm25"], filter=FilterSettings(judge="dense", margin=0))


def test_a_judge_that_is_not_there_is_missed_aloud(tmp_path, caplog):
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    negatives(collection, miners=["bm25"])
    assert "false negatives" not in caplog.text
    negatives(collection, miners=["bm25"], filter=FilterSettings(judge="colbert", margin=0))
    assert "no false negatives are looked for: colbert, their judge, does not mine here" in caplog.text


def test_a_judge_of_ones_own(tmp_path):
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    scores = {(q, p): float(p[1:]) for q in collection.queries for p in collection.corpus}
    settings = MiningSettings(miners=["random"], negatives=40, filter=FilterSettings(max_score=9))
    for _, mined in mine(collection, settings, judge=Judge(scores)).by_query().values():
        assert len(mined) > 0
        assert all(int(passage_id[1:]) <= 9 for passage_id in mined)


def test_the_teacher_judges_what_it_has_answered(tmp_path):
    queries, corpus = {"q": "query"}, {name: f"passage {name}" for name in "pabcd"}
    logits = {"p": -1.0, "a": -1.5, "b": -2.5, "c": 4.0}
    key = AnswerKey(tmp_path)
    passages = hash_texts(corpus[name] for name in logits)
    key.append("teacher", hash_texts(["query"] * 4), passages, np.array(list(logits.values()), np.float32), run="first")
    judge = TeacherJudge(key, "teacher", corpus)
    assert judge.score(queries, {"q": list("dcbap")}) == {"q": {**logits}}
    assert TeacherJudge(key, "another", corpus).score(queries, {"q": ["a"]}) == {"q": {}}
    assert judge.score(queries, {}) == {"q": {}}
    origins = {"p": "positive", "a": "bm25", "b": "bm25", "c": "dense", "d": "dense"}
    mined = Candidates.from_rows([{"query_id": "q", "passage_id": p, "origin": o} for p, o in origins.items()])
    kept = drop_false_negatives(mined, judge, FilterSettings(judge="teacher", margin=1.0), queries)
    assert kept.by_query() == {"q": (["p"], ["b", "d"])}
    assert kept.drop_counts() == {"above limit": 2}


def test_bf16_embeddings_are_close(tmp_path):
    model = tiny_encoder(tmp_path)
    corpus = {"a": "read the file", "b": "sort a list of numbers"}
    exact, rounded = (
        DenseMiner(model, corpus, bf16=bf16).score({"q": "open a file"}, {"q": list(corpus)})["q"]
        for bf16 in (False, True)
    )
    assert exact != rounded
    assert exact == pytest.approx(rounded, abs=0.05)


def test_a_truncated_checkpoint(tmp_path):
    weights = Path(tiny_encoder(tmp_path)) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(MenuraError, match="cannot load the dense model"):
        DenseMiner(str(tmp_path), {"a": "text"})
