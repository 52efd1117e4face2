"""Candidates as other people's records, and from them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from menura import MenuraError
from menura.answer_key.formats import Judged, Texts
from menura.collections import Collection
from menura.mining import Candidates, from_records, mine, read_training_list, to_records, training_list_digest
from menura.recipe import MiningSettings, TrainingListSettings

TEXTS = Texts({"q": "query", "r": "another"}, {f"p{number}": "text" for number in range(6)})


def row(query_id, passage_id, origin, rank):
    return {"query_id": query_id, "passage_id": passage_id, "origin": origin, "rank": rank}


ROWS = [
    row("q", "p0", "positive", 1),
    row("q", "p3", "bm25", 1),
    row("q", "p2", "dense", 4),
    row("r", "p1", "positive", 1),
    row("r", "p4", "positive", 2),
]
LOGITS = {(entry["query_id"], entry["passage_id"]): number / 2 for number, entry in enumerate(ROWS)}


def test_to_records():
    first, second = to_records(Candidates.from_rows(ROWS), LOGITS)
    assert first == Judged(
        "candidates",
        "q",
        ["p0", "p3", "p2"],
        [0.0, 0.5, 1.0],
        relevant=[True, False, False],
        origins=["positive", "bm25", "dense"],
    )
    assert (second.passages, second.relevant) == (["p1", "p4"], [True, True])


def test_there_and_back():
    candidates = from_records(to_records(Candidates.from_rows(ROWS), LOGITS), TEXTS)
    assert candidates.by_query() == Candidates.from_rows(ROWS).by_query()
    assert candidates.table["origin"].to_pylist() == [entry["origin"] for entry in ROWS]


def test_triples_of_one_query_are_joined():
    triples = [
        Judged("1", "q", ["p0", "p1"], relevant=[True, False]),
        Judged("2", "q", ["p0", "p2"], relevant=[True, False]),
        Judged("3", "r", ["p0", "p2"], relevant=[True, False]),
        Judged("4", "q", ["p3", "p2"], relevant=[True, False]),
    ]
    candidates = from_records(triples, TEXTS)
    assert candidates.by_query() == {"q": (["p0", "p3"], ["p1", "p2"]), "r": (["p0"], ["p2"])}
    assert set(candidates.table["origin"].to_pylist()) == {"positive", "listed"}
    assert candidates.table["rank"].to_pylist() == [1, 2, 1, 2, 1, 1]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "the training list is empty"),
        ([Judged("here", "q", ["p0", "p1"])], "here: nothing says which passages are positives"),
        ([Judged("here", "x", ["p0"], relevant=[True])], "here: no query of the collection has the id 'x'"),
        ([Judged("here", "q", ["x"], relevant=[True])], "here: no passage of the collection has the id 'x'"),
        (
            [Judged("a", "q", ["p0"], relevant=[True]), Judged("b", "q", ["p0"], relevant=[False])],
            "b: the passage 'p0' is a positive in one record and none in another",
        ),
    ],
)
def test_lists_that_are_refused(records, message):
    with pytest.raises(MenuraError, match=message):
        from_records(records, TEXTS)


def training_list(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return TrainingListSettings(format="sbert-negatives", source=str(path))


COLLECTION = Collection("c", dict(TEXTS.corpus), dict(TEXTS.queries), {})


def test_a_training_list_takes_the_place_of_mining(tmp_path):
    listed = training_list(tmp_path / "t.jsonl", {"qid": "q", "pos": ["p0"], "neg": {"bm25": ["p1"], "tas-b": ["p2"]}})
    candidates = mine(COLLECTION, MiningSettings(training_list=listed))
    assert candidates.by_query() == {"q": (["p0"], ["p1", "p2"])}
    assert candidates.table["origin"].to_pylist() == ["positive", "bm25", "tas-b"]


def test_a_training_list_is_known_by_its_content(tmp_path):
    first = training_list_digest(training_list(tmp_path / "t.jsonl", {"qid": "q", "pos": ["p0"], "neg": {}}))
    other = training_list_digest(training_list(tmp_path / "t.jsonl", {"qid": "q", "pos": ["p1"], "neg": {}}))
    again = training_list_digest(training_list(tmp_path / "u.jsonl", {"qid": "q", "pos": ["p0"], "neg": {}}))
    assert first == again != other
    assert training_list_digest(None) is None


def test_a_training_list_of_texts_or_of_other_ids(tmp_path):
    listed = training_list(tmp_path / "t.jsonl", {"qid": "q", "pos": ["p9"], "neg": {}})
    with pytest.raises(MenuraError, match=r"t.jsonl:1: no passage of the collection has the id 'p9'"):
        read_training_list(listed, COLLECTION)
    with pytest.raises(MenuraError, match="the format tevatron holds texts; a training list must name ids"):
        read_training_list(TrainingListSettings(format="tevatron", source=listed.source), COLLECTION)
    with pytest.raises(MenuraError, match="there is no format 'csv'"):
        read_training_list(TrainingListSettings(format="csv", source=listed.source), COLLECTION)
    with pytest.raises(MenuraError, match=r"no\.jsonl is missing"):
        training_list_digest(TrainingListSettings(format="tevatron", source="no.jsonl"))


def test_a_training_list_with_a_held_out_query(tmp_path):
    listed = training_list(tmp_path / "t.jsonl", {"qid": "q", "pos": ["p0"], "neg": {}})
    held_out = replace(COLLECTION, qrels={"train": {}, "test": {"q": {"p0": 1}}})
    with pytest.raises(MenuraError, match="has the query 'q', which the split 'test' holds out"):
        read_training_list(listed, held_out)
