"""Collections as MS MARCO, LightOn, TREC and ir_datasets keep them."""

from __future__ import annotations

import gzip
import json
import sys
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from menura import MenuraError
from menura.collections import (
    read_collection,
    read_ir_dataset,
    read_msmarco,
    read_three_tables,
    read_trec_qrels,
    write_trec_qrels,
)
from tiny import tiny_beir


def msmarco(folder):
    folder.mkdir()
    (folder / "collection.tsv").write_text("0\tthe first passage\n1\ta second, \tpassage\n")
    (folder / "queries.train.tsv").write_text("7\ta question\n")
    (folder / "queries.dev.tsv").write_text("8\tanother\n")
    (folder / "qrels.train.tsv").write_text("7\t0\t1\t1\n")
    (folder / "qrels.dev.small.tsv").write_text("8\t0\t0\t1\n")
    return folder


def test_msmarco(tmp_path):
    collection = read_collection(str(msmarco(tmp_path / "marco")))
    assert collection.name == "marco"
    assert collection.corpus == {"0": "the first passage", "1": "a second, \tpassage"}
    assert collection.queries == {"7": "a question", "8": "another"}
    assert collection.qrels == {"train": {"7": {"1": 1}}, "dev.small": {"8": {"0": 1}}}


def test_msmarco_packed(tmp_path):
    folder = msmarco(tmp_path / "marco")
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    packed = tmp_path / "packed"
    packed.mkdir()
    for path in folder.glob("*.gz"):
        path.rename(packed / path.name)
    found, plain = read_msmarco(packed), read_msmarco(folder)
    assert (found.corpus, found.queries, found.qrels) == (plain.corpus, plain.queries, plain.qrels)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("collection.tsv", "0 no tab\n", r"collection.tsv:1: expected an id and a text, a tab between; got '0 no tab'"),
        ("collection.tsv", "0\tone\n0\ttwo\n", r"collection.tsv:2: the id '0' stands twice"),
        ("queries.train.tsv", "7\t \n", "query '7' has no text"),
        ("queries.dev.tsv", "7\tagain\n", r"queries.train.tsv:1: the id '7' stands twice"),
        ("qrels.train.tsv", "7\t1\t1\n", r"qrels.train.tsv:1: expected query, 0, passage and grade"),
        ("qrels.train.tsv", "7 0 1 yes\n", r"qrels.train.tsv:1: a grade must be a whole number; got 'yes'"),
        ("qrels.train.tsv", "7 0 99 1\n", "name passage '99', which is not in the collection"),
    ],
)
def test_broken_msmarco(tmp_path, file, content, message):
    folder = msmarco(tmp_path / "marco")
    (folder / file).write_text(content)
    with pytest.raises(MenuraError, match=message):
        read_msmarco(folder)


def test_msmarco_without_queries(tmp_path):
    folder = msmarco(tmp_path / "marco")
    for path in folder.glob("queries*"):
        path.unlink()
    with pytest.raises(MenuraError, match=r"queries.tsv is missing"):
        read_msmarco(folder)


def test_trec_qrels_round_trip(tmp_path):
    qrels = {"q1": {"d1": 1, "d2": -1}, "q2": {"d1": 3}}
    write_trec_qrels(qrels, tmp_path / "qrels.gz")
    assert read_trec_qrels(tmp_path / "qrels.gz") == qrels
    with pytest.raises(MenuraError, match="TREC's ids have no blanks"):
        write_trec_qrels({"q 1": {"d1": 1}}, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def three_tables(folder):
    (folder / "documents").mkdir(parents=True)
    pq.write_table(pa.table({"document_id": [5, 7], "text": ["five", "seven"]}), folder / "documents" / "0.parquet")
    pq.write_table(pa.table({"document_id": [9], "text": ["nine"]}), folder / "documents" / "1.parquet")
    (folder / "queries.jsonl").write_text(json.dumps({"query_id": 1, "query": "one"}) + "\n")
    return folder


def test_three_tables(tmp_path, monkeypatch):
    folder = three_tables(tmp_path / "lighton")
    collection = read_collection(str(folder))
    assert collection.corpus == {"5": "five", "7": "seven", "9": "nine"}
    assert (collection.queries, collection.qrels) == ({"1": "one"}, {})
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(folder))
    assert read_collection("tables:org/data") == collection


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"query_id": "2", "query": "two"}, r"queries.jsonl:2: the query id '2' is of type str, those before it are"),
        ({"query_id": 1, "query": "again"}, r"queries.jsonl:2: the id '1' stands twice"),
        ({"query_id": 2, "query": None}, r"queries.jsonl:2: the text must be a string; got None"),
        ({"query_id": 2, "one": "a", "two": "b"}, r"queries.jsonl:2: expected a column of ids"),
        ({"query": "two"}, r"queries.jsonl:2: expected a column of ids"),
    ],
)
def test_broken_tables(tmp_path, row, message):
    folder = three_tables(tmp_path / "lighton")
    with (folder / "queries.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    with pytest.raises(MenuraError, match=message):
        read_three_tables(folder)


def test_a_table_that_is_missing(tmp_path):
    folder = three_tables(tmp_path / "lighton")
    (folder / "queries.jsonl").unlink()
    with pytest.raises(MenuraError, match="holds no table queries"):
        read_three_tables(folder)


def test_a_beir_folder_stays_one(tmp_path):
    assert set(read_collection(str(tiny_beir(tmp_path / "beir"))).qrels) == {"train", "test"}


class StandIn:
    """A data set of `ir_datasets`, as far as it is used."""

    def __init__(self, queries, qrels, docs=None):
        self._docs, self._queries, self._qrels = docs, queries, qrels

    def has_docs(self):
        return self._docs is not None

    def has_queries(self):
        return bool(self._queries)

    def has_qrels(self):
        return self._qrels is not None

    def docs_iter(self):
        return (SimpleNamespace(doc_id=key, default_text=lambda text=text: text) for key, text in self._docs.items())

    def queries_iter(self):
        return (SimpleNamespace(query_id=q, default_text=lambda text=text: text) for q, text in self._queries.items())

    def qrels_iter(self):
        return (SimpleNamespace(query_id=q, doc_id=d, relevance=grade) for q, d, grade in self._qrels)


@pytest.fixture
def stand_in(monkeypatch):
    docs = {"d1": "one", "d2": "two"}
    datasets = {
        "nf/train": StandIn({"q1": "first"}, [("q1", "d1", 2)], docs),
        "nf/train/small": StandIn({"q1": "first"}, [("q1", "d1", 2)], docs),
        "nf/test": StandIn({"q2": "second"}, [("q2", "d2", 1)], docs),
        "nf/dev": StandIn({"q3": "third"}, None, docs),
        "nf": StandIn({}, None, docs),
        "queries-only": StandIn({"q2": "second"}, None),
    }
    monkeypatch.setitem(sys.modules, "ir_datasets", SimpleNamespace(load=datasets.__getitem__))


@pytest.mark.usefixtures("stand_in")
def test_ir_datasets():
    collection = read_collection("ir_datasets:nf/train,nf/test,nf/dev")
    assert collection.name == "nf/train"
    assert collection.corpus == {"d1": "one", "d2": "two"}
    assert collection.queries == {"q1": "first", "q2": "second", "q3": "third"}
    assert collection.qrels == {"train": {"q1": {"d1": 2}}, "test": {"q2": {"d2": 1}}}


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("nf/other", "ir_datasets has no data set 'nf/other'"),
        ("nf", "the data set 'nf' of ir_datasets has no queries"),
        ("queries-only", "the data set 'queries-only' of ir_datasets has no docs"),
        ("nf/train,nf/train/small", "two data sets of 'nf/train,nf/train/small' are the split 'train'"),
    ],
)
def test_ir_datasets_that_are_refused(names, message):
    with pytest.raises(MenuraError, match=message):
        read_ir_dataset(names)


def test_without_ir_datasets(monkeypatch):
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    with pytest.raises(MenuraError, match="ir_datasets is not installed; run: pip install ir_datasets"):
        read_ir_dataset("nf/train")
