"""Fields of queries and passages: out of rows, out of metadata, off ids."""

from __future__ import annotations

import json

import pytest

from menura import MenuraError
from menura.collections import Collection, hub, open_collection, read_beir, read_hub, write_beir
from menura.recipe import CollectionSettings
from tiny import tiny_beir

FIELDS = ["query.site", "query.year", "passage.kind"]


@pytest.fixture
def folder(tmp_path):
    folder = tiny_beir(tmp_path / "beir")
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    queries[0]["metadata"] = {"site": "heart", "year": 2001, "other": [1]}
    queries[1] |= {"site": "skin", "metadata": {"site": "not this one"}}
    queries[2]["metadata"] = {"site": None}
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    corpus = (folder / "corpus.jsonl").read_text().splitlines()
    corpus[3] = json.dumps({"_id": "p3", "text": "some text", "kind": "table"})
    (folder / "corpus.jsonl").write_text("\n".join(corpus) + "\n")
    return folder


EXPECTED = {
    "query.site": {"q0": "heart", "q1": "skin"},
    "query.year": {"q0": "2001"},
    "passage.kind": {"p3": "table"},
}


def test_only_what_is_asked_for_is_read(folder):
    assert read_beir(folder).fields == {}
    assert read_beir(folder, fields=FIELDS).fields == EXPECTED


def test_fields_survive_a_round_trip(folder, tmp_path):
    write_beir(read_beir(folder, fields=FIELDS), tmp_path / "again")
    assert read_beir(tmp_path / "again", fields=FIELDS).fields == EXPECTED


def test_a_value_that_is_no_name_is_refused(folder):
    with pytest.raises(
        MenuraError, match=r"queries.jsonl:1: the field 'other' must be a string or .*got \[1\] \(list\)"
    ):
        read_beir(folder, fields=["query.other"])


def test_fields_of_the_hub(monkeypatch):
    tables = {
        "corpus": {"corpus": [{"_id": 1, "text": "x", "kind": 7}]},
        "queries": {"queries": [{"_id": 2, "text": "y", "metadata": {"site": "heart"}}]},
        "qrels": {"test": [{"query-id": 2, "corpus-id": 1, "score": 1}]},
    }
    monkeypatch.setattr(hub, "_load", lambda name, configuration: tables[configuration])
    assert read_hub("org/data", fields=["query.site", "passage.kind"]).fields == {
        "query.site": {"2": "heart"},
        "passage.kind": {"1": "7"},
    }


def test_fields_read_off_ids(folder):
    settings = CollectionSettings(
        source=str(folder), id_fields={"query.number": r"\d+", "passage.parity": r"\d?([13579])?$"}
    )
    fields = open_collection(settings, seed=0, fields=["query.number", "query.site"]).fields
    assert fields["query.number"] == {f"q{i}": str(i) for i in range(12)}
    assert fields["passage.parity"]["p13"] == "3"
    assert fields["query.site"] == EXPECTED["query.site"]
    with pytest.raises(
        MenuraError, match=r"'\^\\\\d' is not found in the query id 'q0', and query.number is read off it"
    ):
        open_collection(settings.model_copy(update={"id_fields": {"query.number": r"^\d"}}), seed=0)


def test_a_field_that_nothing_has(folder):
    with pytest.raises(MenuraError, match=r"no query of beir has the field 'query.sight'.*collection.id_fields"):
        open_collection(CollectionSettings(source=str(folder)), seed=0, fields=["query.sight"])


def test_a_sample_keeps_the_fields_of_what_it_keeps():
    fields = {"query.site": {"q": "a", "r": "b"}, "passage.kind": {"p": "x", "s": "y"}}
    whole = Collection(
        "c", {"p": "one", "s": "two"}, {"q": "?", "r": "??"}, {"train": {"q": {"p": 1}}, "test": {}}, fields
    )
    sample = whole.sample(passages=1, train_queries=None, test_queries=None, seed=0)
    assert sample.fields == {"query.site": {"q": "a"}, "passage.kind": {"p": "x"}}
