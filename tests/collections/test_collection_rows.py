"""Bad rows are named, in folders and on the hub; sampling keeps every split."""

from __future__ import annotations

import json

import pytest

from menura import MenuraError
from menura.collections import hub, read_beir, read_hub
from tiny import tiny_beir


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("corpus.jsonl", '{"_id": "p1", "text": null}', r"corpus.jsonl:2: the text must be a string; got None"),
        ("queries.jsonl", '{"_id": "q1", "text": 5}', r"queries.jsonl:2: the text must be a string; got 5 \(int\)"),
        ("corpus.jsonl", '{"_id": "p1", "text": "", "title": 5}', r"corpus.jsonl:2: the title must be a string"),
        (
            "corpus.jsonl",
            '{"_id": "p1", "text": "a \\ud800"}',
            r"corpus.jsonl:2: the text holds .* half of a character",
        ),
        ("qrels/train.tsv", "q0\tp0\t--1", r"train.tsv:2: a grade must be a whole number; got '--1"),
        ("qrels/train.tsv", "q0\tp0\t0.5", r"train.tsv:2: a grade must be a whole number; got '0.5"),
        ("qrels/train.tsv", "q2\tp2\t0", r"train.tsv:4: query 'q2' and passage 'p2' are judged 1, and 0 before"),
    ],
)
def test_bad_rows_of_a_folder(tmp_path, file, line, message):
    folder = tiny_beir(tmp_path / "beir")
    path = folder / file
    lines = path.read_text().splitlines()
    lines[1] = line
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(MenuraError, match=message):
        read_beir(folder)


def hub_tables(folder, *, corpus=None, qrels=None, configuration="qrels"):
    """A local data set with BEIR's three configurations, as the hub would serve them."""
    tables = {
        "corpus": corpus or [{"_id": "p", "title": "T", "text": "one"}, {"_id": "r", "title": None, "text": "two"}],
        "queries": [{"_id": "q", "text": "which one?"}],
        configuration: qrels or [{"query-id": "q", "corpus-id": "p", "score": 1.0}],
    }
    folder.mkdir()
    for name, rows in tables.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    splits = {"corpus": "corpus", "queries": "queries", configuration: "test"}
    lines = ["---", "configs:"]
    for name, split in splits.items():
        lines += [f"- config_name: {name}", "  data_files:", f"  - split: {split}", f"    path: {name}.jsonl"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))
    return str(folder)


@pytest.fixture(autouse=True)
def cache_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("configuration", ["qrels", "default"])
def test_a_data_set_read_by_the_real_loader(tmp_path, configuration):
    collection = read_hub(hub_tables(tmp_path / "data", configuration=configuration))
    assert collection.corpus == {"p": "T one", "r": "two"}
    assert collection.qrels == {"test": {"q": {"p": 1}}}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"corpus": [{"id": "p", "text": "one"}]}, "corpus row 1: expected an object with '_id' and 'text'"),
        ({"corpus": [{"_id": "p", "text": "one"}] * 2}, "corpus row 2: the id 'p' stands twice"),
        ({"corpus": [{"_id": "p", "text": None}]}, "corpus row 1: the text must be a string; got None"),
        ({"qrels": [{"query": "q", "grade": 1}]}, "row 1: expected the columns query-id, corpus-id and score"),
        ({"qrels": [{"query-id": "q", "corpus-id": "p", "score": 0.5}]}, "row 1: a grade must be a whole number"),
    ],
)
def test_bad_rows_of_a_data_set(tmp_path, tables, message):
    with pytest.raises(MenuraError, match=message):
        read_hub(hub_tables(tmp_path / "data", **tables))


def test_a_number_and_a_string_are_one_hub_id(monkeypatch):
    monkeypatch.setattr(
        hub, "_load", lambda name, configuration: {"corpus": [{"_id": i, "text": "x"} for i in (1, "1")]}
    )
    with pytest.raises(MenuraError, match="corpus row 2: the id '1' stands twice"):
        read_hub("org/data")


def test_a_sample_keeps_the_development_split(tmp_path):
    folder = tiny_beir(tmp_path / "beir")
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "dev.tsv")
    sample = read_beir(folder).sample(passages=8, train_queries=3, test_queries=2, seed=1)
    assert {split: len(qrels) for split, qrels in sample.qrels.items()} == {"dev": 2, "train": 3}
    assert len(sample.corpus) == 8
