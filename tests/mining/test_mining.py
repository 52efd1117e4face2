"""Miners, hard negatives, candidates."""

from __future__ import annotations

import logging

import pytest

from menura import MenuraError
from menura.collections import Collection, read_beir
from menura.mining import Bm25Miner, Candidates, DenseMiner, RandomMiner, choose_candidates, mine
from menura.recipe import MiningSettings
from tiny import tiny_beir, tiny_encoder


@pytest.fixture
def collection():
    corpus = {f"p{i}": f"passage number {i}" for i in range(8)}
    queries = {"q": "query", "r": "another"}
    return Collection("c", corpus, queries, {"train": {"q": {"p0": 1, "p7": 0}, "r": {"p1": 2}}})


def test_bm25_finds_words_and_their_forms():
    miner = Bm25Miner({"a": "sorting lists of numbers", "b": "opening a file", "c": "  "})
    assert list(miner.search({"q": "sort a list"}, 2)["q"]) == ["a"]
    assert miner.search({"q": "zebra"}, 2) == {"q": {}}
    with pytest.raises(MenuraError, match="found no word to index"):
        Bm25Miner({"a": " "})


def test_bm25_scores_given_passages():
    miner = Bm25Miner({"a": "running and jumping", "b": "a run", "c": "nothing else", "d": " "})
    found = miner.search({"q": "runs"}, 4)["q"]
    scores = miner.score({"q": "runs", "unknown": "xyz"}, {"q": ["c", "a", "b"], "unknown": ["a"]})
    assert scores == {"q": {"c": 0.0, **found}, "unknown": {"a": 0.0}}
    assert found["b"] > found["a"] > 0
    assert miner.score({"q": "runs"}, {}) == {"q": {}}


def test_dense_finds_the_same_text(tmp_path):
    corpus = {"a": "read the file", "b": "sort a list of numbers", "blank": "", "long": "word " * 100_000}
    miner = DenseMiner(tiny_encoder(tmp_path), corpus)
    run = miner.search({"q": "sort a list of numbers"}, 10)
    assert next(iter(run["q"])) == "b"
    assert set(run["q"]) == {"a", "b", "long"}
    assert miner.score({"q": "sort a list of numbers"}, {"q": ["b"]}) == {"q": {"b": pytest.approx(1, abs=1e-5)}}
    assert miner.search({}, 10) == {}


def test_dense_needs_texts_and_a_model(tmp_path):
    with pytest.raises(MenuraError, match="nothing to embed"):
        DenseMiner(tiny_encoder(tmp_path), {})
    with pytest.raises(MenuraError, match="cannot load the dense model"):
        DenseMiner(str(tmp_path / "nowhere"), {"a": "text"})


def test_random_passages_follow_the_seed():
    corpus = {**{f"p{i}": "text" for i in range(50)}, "blank": " "}
    runs = [RandomMiner(corpus, seed=seed).search({"q": "", "r": ""}, 40) for seed in (1, 1, 2)]
    drawn = [[list(found) for found in run.values()] for run in runs]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0] != drawn[0][1]
    assert all(len(set(found)) == 40 and "blank" not in found for found in drawn[0])
    assert len(RandomMiner({"p": "text"}, seed=0).search({"q": ""}, 5)["q"]) == 1


def test_random_negatives_have_no_score(tmp_path):
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    candidates = mine(collection, MiningSettings(miners=["random", "bm25"], negatives=4, depth=10), seed=3)
    rows = candidates.table.to_pylist()
    assert {row["origin"] for row in rows} == {"positive", "random", "bm25"}
    assert all((row["score"] is None) == (row["origin"] != "bm25") for row in rows)
    assert [row["origin"] for row in rows][:2] == ["positive", "random"]
    assert candidates.table != mine(collection, MiningSettings(miners=["random"], negatives=4), seed=4).table


@pytest.mark.parametrize("pool", ["corpus", "split"])
def test_whether_held_out_passages_may_be_negatives(pool, tmp_path):
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    settings = MiningSettings(
        miners=["bm25", "dense", "random"],
        dense_model=tiny_encoder(tmp_path / "model"),
        pool=pool,
        negatives=30,
        depth=40,
        filter=None,
    )
    found = {passage_id for _, passage_id in mine(collection, settings).pairs()}
    answers = {passage_id for grades in collection.qrels["train"].values() for passage_id in grades}
    assert (found == answers) == (pool == "split")


def test_negatives_are_taken_from_the_miners_in_turn(collection):
    runs = {
        "bm25": {"q": {"p2": 9.0, "p0": 8.0, "p3": 7.0}, "r": {}},
        "dense": {"q": {"p2": 0.9, "p4": 0.8, "p5": 0.7}, "r": {"p1": 0.9, "p6": 0.5}},
    }
    candidates = choose_candidates(collection, "train", runs, {}, negatives=3)
    assert candidates.by_query() == {"q": (["p0"], ["p2", "p4", "p3"]), "r": (["p1"], ["p6"])}
    origins = dict(zip(candidates.pairs(), candidates.table["origin"].to_pylist(), strict=True))
    assert origins["q", "p0"] == "positive"
    assert origins["q", "p2"] == "bm25"
    assert origins["q", "p4"] == "dense"


def test_likely_false_negatives_are_left_out(collection):
    runs = {"bm25": {"q": {"p2": 9.0, "p3": 8.0}, "r": {}}, "dense": {"q": {"p2": 0.96, "p3": 0.94}, "r": {}}}
    candidates = choose_candidates(collection, "train", runs, {"q": {"p2"}}, negatives=2)
    assert candidates.by_query()["q"] == (["p0"], ["p3"])


def test_a_passage_judged_useless_may_be_a_negative(collection):
    candidates = choose_candidates(collection, "train", {"bm25": {"q": {"p7": 1.0}, "r": {}}}, {}, negatives=1)
    assert candidates.by_query()["q"] == (["p0"], ["p7"])


def test_too_few_negatives_are_counted(collection, caplog):
    with caplog.at_level(logging.WARNING):
        choose_candidates(collection, "train", {"bm25": {"q": {"p2": 1.0}, "r": {}}}, {}, negatives=1)
    assert "1 queries have fewer than 1 negatives" in caplog.text


def test_no_positive_at_all(collection):
    blank = Collection("c", {**collection.corpus, "p0": "", "p1": " "}, collection.queries, collection.qrels)
    with pytest.raises(MenuraError, match="no query of the split 'train' has a relevant passage with text"):
        choose_candidates(blank, "train", {}, {}, negatives=1)


def test_mine(tmp_path):
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    settings = MiningSettings(dense_model=tiny_encoder(tmp_path / "model"), negatives=3, depth=10, filter=None)
    candidates = mine(collection, settings)
    assert set(candidates.by_query()) == set(collection.qrels["train"])
    assert set(candidates.table["origin"].to_pylist()) == {"positive", "bm25", "dense"}
    assert len(set(candidates.pairs())) == candidates.table.num_rows
    assert candidates.table == mine(collection, settings).table
    with pytest.raises(MenuraError, match=r"needs mining.dense_model"):
        mine(collection, MiningSettings())


def test_candidates_are_written_whole(tmp_path):
    candidates = Candidates.from_rows([{"query_id": "q", "passage_id": "p", "origin": "bm25", "rank": 1, "score": 0.5}])
    candidates.write(tmp_path / "new" / "candidates.parquet")
    assert Candidates.read(tmp_path / "new" / "candidates.parquet").table == candidates.table
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 cut short")
    for path in (tmp_path / "broken.parquet", tmp_path / "nowhere.parquet"):
        with pytest.raises(MenuraError, match="cannot read candidates"):
            Candidates.read(path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MenuraError, match="cannot write"):
        candidates.write(tmp_path / "file" / "candidates.parquet")
