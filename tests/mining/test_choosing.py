"""Which passages become negatives: ranks, draws, duplicates, and who found what."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from menura import MenuraError
from menura.collections import Collection
from menura.mining import Candidates, choose_candidates, mine
from menura.recipe import FilterSettings, MiningSettings

CORPUS = {f"p{i}": f"passage number {i}" for i in range(12)}
QUERIES = {"q": "query", "r": "another", "s": "third"}
JUDGED = {"train": {"q": {"p0": 1}, "r": {"p1": 2, "p2": 1}, "s": {"p3": 1}}}
COLLECTION = Collection("c", CORPUS, QUERIES, JUDGED)


class Found:
    """A miner of one's own: it knows what it finds."""

    def __init__(self, run):
        self.run = run

    def search(self, queries, depth):
        return {query_id: dict(list(found.items())[:depth]) for query_id, found in self.run.items()}


def choose(runs, excluded=None, collection=COLLECTION, **options):
    return choose_candidates(collection, "train", runs, excluded or {}, **{"negatives": 3, **options})


def test_every_finder_is_kept_with_rank_and_score():
    runs = {
        "bm25": {"q": {"p5": 9.0, "p0": 8.0, "p6": 7.0}},
        "random": {"q": {"p6": math.nan, "p7": math.nan}},
        "dense": {"q": {"p0": 0.75, "p6": 0.5, "p5": 0.25}},
    }
    candidates = choose(runs)
    rows = {row["passage_id"]: row for row in candidates.table.to_pylist() if row["query_id"] == "q"}
    assert [(p, row["origin"], row["rank"], row["score"]) for p, row in rows.items()] == [
        ("p0", "positive", 1, None),
        ("p5", "bm25", 1, 9.0),
        ("p6", "random", 1, None),
        ("p7", "random", 2, None),
    ]
    assert rows["p0"]["found_by"] == [
        {"miner": "bm25", "rank": 2, "score": 8.0},
        {"miner": "dense", "rank": 1, "score": 0.75},
    ]
    flat = [tuple(row.values()) for row in candidates.finders().to_pylist()]
    assert flat == [
        ("q", "p0", "bm25", 2, 8.0),
        ("q", "p0", "dense", 1, 0.75),
        ("q", "p5", "bm25", 1, 9.0),
        ("q", "p5", "dense", 3, 0.25),
        ("q", "p6", "bm25", 3, 7.0),
        ("q", "p6", "random", 1, None),
        ("q", "p6", "dense", 2, 0.5),
        ("q", "p7", "random", 2, None),
    ]


def test_files_keep_all_of_it(tmp_path):
    runs = {"bm25": {"q": {"p5": 9.0}, "r": {}}}
    candidates = choose(runs).with_dropped([{"query_id": "q", "passage_id": "p6", "reason": "blank"}])
    candidates.write(tmp_path / "candidates.parquet")
    again = Candidates.read(tmp_path / "candidates.parquet")
    assert again == candidates
    assert again.dropped.to_pylist()[0]["reason"] == "blank"


def test_the_top_ranks_may_be_skipped():
    runs = {"bm25": {"q": {f"p{i}": 20.0 - i for i in range(4, 12)}}, "dense": {"q": {"p9": 0.9, "p10": 0.8}}}
    candidates = choose(runs, range_min=1, negatives=4)
    assert candidates.by_query()["q"] == (["p0"], ["p5", "p10", "p6", "p7"])
    taken = candidates.table.filter([origin == "bm25" for origin in candidates.table["origin"].to_pylist()])
    assert taken["rank"].to_pylist() == [2, 3, 4]
    with pytest.raises(ValueError, match="range_min 5 leaves nothing of depth 5"):
        MiningSettings(range_min=5, depth=5)


def test_a_turn_is_not_lost_on_what_may_not_be_taken():
    runs = {
        "bm25": {"q": dict.fromkeys(("p0", "p1", "p2", "p4", "p5"), 1.0)},
        "random": {"q": dict.fromkeys(("p6", "p7", "p8", "p9"), math.nan)},
    }
    candidates = choose(runs, {"q": {"p1", "p2"}}, negatives=4)
    assert candidates.by_query()["q"] == (["p0"], ["p4", "p6", "p5", "p7"])


def test_a_draw_follows_from_the_seed_and_the_query_alone():
    found = {f"p{i}": 20.0 - i for i in range(4, 12)}
    runs = {"bm25": dict.fromkeys(QUERIES, found)}
    drawn = [choose(runs, sampling="random", seed=seed).by_query() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0]["q"][1] != drawn[0]["r"][1]
    backwards = replace(COLLECTION, qrels={"train": dict(reversed(JUDGED["train"].items()))})
    assert choose(runs, collection=backwards, sampling="random", seed=1).by_query() == drawn[0]
    alone = replace(COLLECTION, qrels={"train": {"r": JUDGED["train"]["r"]}})
    assert choose(runs, collection=alone, sampling="random", seed=1).by_query() == {"r": drawn[0]["r"]}
    windowed = choose(runs, sampling="random", range_min=4, negatives=9).by_query()["q"][1]
    assert sorted(windowed) == ["p10", "p11", "p8", "p9"]


def test_no_text_twice_and_none_of_a_positive():
    texts = {**CORPUS, "p4": "passage  number 2\n", "p5": "a text", "p6": "a text ", "p7": " \t"}
    collection = replace(COLLECTION, corpus=texts)
    found = dict.fromkeys(("p4", "p7", "p5", "p2", "p6", "p8"), 1.0)
    candidates = choose({"bm25": {"r": found}, "dense": {"r": {"p5": 0.5}}}, collection=collection)
    assert candidates.by_query()["r"] == (["p1", "p2"], ["p5", "p8"])
    assert candidates.drop_counts() == {"text of a positive": 1, "blank": 1, "text of another negative": 1}
    listed = {row["passage_id"]: row["reason"] for row in candidates.dropped.to_pylist()}
    assert listed == {"p4": "text of a positive", "p7": "blank", "p6": "text of another negative"}


def test_a_miner_of_ones_own_takes_its_turn():
    theirs = Found({"q": {"p8": 3.0, "p0": 2.0, "p9": 1.0}})  # it found nothing for the others
    settings = MiningSettings(miners=["random"], depth=2, negatives=3, filter=None)
    candidates = mine(COLLECTION, settings, miners={"theirs": theirs})
    origins = dict(zip(candidates.pairs(), candidates.table["origin"].to_pylist(), strict=True))
    assert ("q", "p9") not in origins
    assert [found["miner"] for found in candidates.table.to_pylist()[0]["found_by"]][-1] == "theirs"
    chosen = {row["miner"] for row in candidates.finders().to_pylist() if row["passage_id"] == "p8"}
    assert "theirs" in chosen


@pytest.mark.parametrize("unknown", ["p99", 4])
def test_a_miner_that_finds_what_is_not_there(unknown):
    theirs = Found({"q": {unknown: 3.0}})
    settings = MiningSettings(miners=["random"], depth=2, filter=FilterSettings(judge="bm25", max_score=1.0))
    with pytest.raises(MenuraError, match=rf"'theirs' found {unknown!r} \({type(unknown).__name__}\), which is not"):
        mine(COLLECTION, settings, miners={"theirs": theirs})


def test_what_lies_outside_the_pool_is_no_negative():
    theirs = Found({"q": {"p8": 3.0, "p1": 2.0}})
    settings = MiningSettings(miners=["random"], depth=2, pool="split", filter=None)
    candidates = mine(COLLECTION, settings, miners={"theirs": theirs})
    assert ("q", "p8") not in candidates.pairs()
    assert {
        "query_id": "q",
        "passage_id": "p8",
        "reason": "outside the pool",
    }.items() <= candidates.dropped.to_pylist()[0].items()


def test_a_name_that_is_taken():
    with pytest.raises(MenuraError, match="two miners are called 'random'"):
        mine(COLLECTION, MiningSettings(miners=["random"], filter=None), miners={"random": Found({})})
