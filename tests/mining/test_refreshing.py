"""Mining in the middle of a training: turns, provenance, what stays dropped, pools that are drawn."""

from __future__ import annotations

import math

from menura.collections import Collection
from menura.mining import Candidates, refresh_candidates, sample_pool

CORPUS = {f"p{i}": f"passage {i}" for i in range(8)} | {"blank": " "}
COLLECTION = Collection("tiny", CORPUS, {"q0": "zero", "q1": "one"}, {"train": {"q0": {"p0": 1}, "q1": {"p1": 1}}})
CANDIDATES = Candidates.from_rows(
    [
        {"query_id": "q0", "passage_id": "p0", "origin": "positive", "rank": 1},
        {"query_id": "q0", "passage_id": "p7", "origin": "positive", "rank": 2},  # of a training list
        {"query_id": "q0", "passage_id": "p2", "origin": "bm25", "rank": 4, "score": 2.0},
        {"query_id": "q0", "passage_id": "p3", "origin": "random", "rank": 1},
        {"query_id": "q1", "passage_id": "p1", "origin": "positive", "rank": 1},
        {"query_id": "q1", "passage_id": "p2", "origin": "bm25", "rank": 1, "score": 1.0},
    ],
    [{"query_id": "q0", "passage_id": "p4", "reason": "above limit"}],
)


class Student:
    def search(self, queries, depth):
        assert list(queries) == ["q0"]
        return {"q0": dict.fromkeys(["p4", "p7", "p5", "blank", "p2", "p6"][:depth], 0.5)}


def test_the_student_begins_and_the_others_keep_their_turns():
    found = refresh_candidates(CANDIDATES, COLLECTION, ["q0"], {"splade": Student()}, depth=5, negatives=4)
    assert found.by_query() == {"q0": (["p0", "p7"], ["p5", "p2", "p3"])}
    rows = {row["passage_id"]: row for row in found.table.to_pylist()}
    assert [rows[p]["origin"] for p in ("p5", "p2", "p3")] == ["splade", "bm25", "random"]
    assert [finder["miner"] for finder in rows["p2"]["found_by"]] == ["splade", "bm25"]
    assert rows["p3"]["score"] is None
    assert not math.isnan(rows["p5"]["score"])


def test_a_pool_is_drawn_by_its_seed_from_what_has_text():
    assert (
        sample_pool(CORPUS, None, "7 50")
        == sample_pool(CORPUS, 99, "7 50")
        == {f"p{i}": CORPUS[f"p{i}"] for i in range(8)}
    )
    drawn = sample_pool(CORPUS, 3, "7 50")
    assert len(drawn) == 3
    assert drawn == sample_pool(CORPUS, 3, "7 50") != sample_pool(CORPUS, 3, "7 100")
    assert "blank" not in drawn
