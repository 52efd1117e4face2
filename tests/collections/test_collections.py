"""Collections: contracts, BEIR folders, hub data sets, docstrings."""

from __future__ import annotations

import json

import pytest

from menura import MenuraError
from menura.collections import (
    Collection,
    docstring_collection,
    open_collection,
    read_beir,
    read_hub,
    write_beir,
)
from menura.collections import hub as hub_module
from menura.recipe import CollectionSettings
from tiny import tiny_beir


def replace_line(path, number, line):
    lines = path.read_text().splitlines()
    lines[number] = line
    path.write_text("\n".join(lines) + "\n")


def test_beir_round_trip(tmp_path):
    collection = read_beir(tiny_beir(tmp_path / "first"))
    assert len(collection.corpus) == 40
    assert list(collection.split_queries("test")) == [f"q{i}" for i in range(6, 12)]
    write_beir(collection, tmp_path / "second")
    again = read_beir(tmp_path / "second")
    assert (again.corpus, again.queries, again.qrels) == (collection.corpus, collection.queries, collection.qrels)


def test_a_title_goes_before_the_text(tmp_path):
    folder = tiny_beir(tmp_path / "beir")
    replace_line(folder / "corpus.jsonl", 0, json.dumps({"_id": "p0", "title": "A title", "text": "and a text"}))
    assert read_beir(folder).corpus["p0"] == "A title and a text"


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("corpus.jsonl", "{not json", r"corpus.jsonl:3: not valid JSON"),
        ("corpus.jsonl", '{"_id": "x"}', r"corpus.jsonl:3: expected an object with '_id' and 'text'"),
        ("corpus.jsonl", '{"_id": 10, "text": "ten"}', r"corpus.jsonl:3: ids must be strings; got 10 \(int\)"),
        ("corpus.jsonl", '{"_id": "p0", "text": "twice"}', r"corpus.jsonl:3: the id 'p0' stands twice"),
        ("queries.jsonl", '{"_id": "q2", "text": " "}', "query 'q2' has no text"),
        ("qrels/train.tsv", "q2\tnowhere\t1", "name passage 'nowhere', which is not in the collection"),
        ("qrels/train.tsv", "nobody\tp2\t1", "name query 'nobody', which is not in the collection"),
        ("qrels/train.tsv", "q2\tp2", r"train.tsv:3: expected query-id, corpus-id and score"),
        ("qrels/train.tsv", "q2\tp2\tgood", r"train.tsv:3: a grade must be a whole number; got 'good'"),
    ],
)
def test_bad_lines_are_named(tmp_path, file, line, message):
    folder = tiny_beir(tmp_path / "beir")
    replace_line(folder / file, 2, line)
    with pytest.raises(MenuraError, match=message):
        read_beir(folder)


def test_missing_files(tmp_path):
    with pytest.raises(MenuraError, match="there is no BEIR folder"):
        read_beir(tmp_path / "nowhere")
    folder = tiny_beir(tmp_path / "beir")
    (folder / "queries.jsonl").unlink()
    with pytest.raises(MenuraError, match=r"queries.jsonl is missing"):
        read_beir(folder)


def test_an_empty_corpus(tmp_path):
    folder = tiny_beir(tmp_path / "beir")
    (folder / "corpus.jsonl").write_text("")
    with pytest.raises(MenuraError, match="the corpus is empty"):
        read_beir(folder)


def test_an_unknown_split(tmp_path):
    with pytest.raises(MenuraError, match="has no split 'dev'; it has: test, train"):
        read_beir(tiny_beir(tmp_path / "beir")).split_queries("dev")


def test_an_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MenuraError, match="cannot write"):
        write_beir(read_beir(tiny_beir(tmp_path / "beir")), tmp_path / "file")


def test_samples_keep_what_answers_their_queries(tmp_path):
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    options = {"passages": 10, "train_queries": 3, "test_queries": 2}
    sample = collection.sample(**options, seed=1)
    assert len(sample.corpus) == 10
    assert {split: len(qrels) for split, qrels in sample.qrels.items()} == {"train": 3, "test": 2}
    assert sample == collection.sample(**options, seed=1)
    assert sample != collection.sample(**options, seed=2)


def test_hub_data_sets(monkeypatch):
    tables = {
        ("org/data", "corpus"): {"corpus": [{"_id": 1, "title": "T", "text": "one"}, {"_id": 2, "text": "two"}]},
        ("org/data", "queries"): {"queries": [{"_id": 7, "text": "seven"}]},
        ("org/data-qrels", "default"): {"test": [{"query-id": 7, "corpus-id": 2, "score": 1}]},
    }

    def load(name, configuration):
        if (name, configuration) not in tables:
            raise MenuraError("no such configuration")
        return tables[name, configuration]

    monkeypatch.setattr(hub_module, "_load", load)
    collection = read_hub("org/data")
    assert collection.corpus == {"1": "T one", "2": "two"}
    assert collection.qrels == {"test": {"7": {"2": 1}}}


def test_a_hub_that_cannot_be_reached():
    with pytest.raises(MenuraError, match="'no-one/nothing' is neither a folder here nor a hub data set"):
        read_hub("no-one/nothing")


SOURCE = '''
"""Tools that open and close many different kinds of files.

This module offers functions for reading, writing, copying and moving files, and takes care that every one of them is
closed again afterwards, whatever happens in between.
"""

class Reader:
    """Reads a text file one line after the other.

    The lines come without their line ends, decoded from the given encoding, and a byte order mark at the start of the
    file is left out in any case.
    """

    def close(self):
        """Close."""

def broken(
'''


def test_docstrings(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "files.py").write_text(SOURCE.replace("def broken(", ""))
    (package / "again.py").write_text(SOURCE.replace("def broken(", "").replace("Tools that", "More tools that"))
    (package / "syntax.py").write_text(SOURCE)
    (package / "tests").mkdir()
    (package / "tests" / "other.py").write_text(SOURCE.replace("def broken(", ""))
    collection = docstring_collection([tmp_path])
    assert len(collection.corpus) == 2, "near-duplicates, tests and broken files are left out"
    reader = next(identifier for identifier in collection.corpus if identifier.endswith(":Reader"))
    assert collection.queries[reader] == "Reads a text file one line after the other."
    assert collection.corpus[reader].startswith("The lines come without their line ends")
    assert sum(len(qrels) for qrels in collection.qrels.values()) == 2
    assert collection == docstring_collection([tmp_path])


def test_the_program_is_not_part_of_its_own_collection(tmp_path):
    for name in ("menura", "menurae"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "reading.py").write_text(
            SOURCE.replace("def broken(", "").replace("text file", f"text file of {name}")
        )
    found = {identifier.split(":")[0] for identifier in docstring_collection([tmp_path]).corpus}
    assert found == {"menurae.reading"}


def test_no_docstrings(tmp_path):
    with pytest.raises(MenuraError, match="no docstring of 20 words or more"):
        docstring_collection([tmp_path])


def test_modules_are_split_as_wholes():
    collection = docstring_collection(max_passages=400)
    modules = [{identifier.split(":")[0] for identifier in qrels} for qrels in collection.qrels.values()]
    assert all(modules)
    assert not (modules[0] & modules[1])
    assert not (modules[0] & modules[2])
    assert not (modules[1] & modules[2])
    assert len(collection.qrels["train"]) > len(collection.qrels["test"]) > len(collection.qrels["dev"])


def test_open_collection_takes_a_folder(tmp_path):
    folder = tiny_beir(tmp_path / "beir")
    collection = open_collection(CollectionSettings(source=str(folder), max_passages=20), seed=0)
    assert len(collection.corpus) == 20
    with pytest.raises(MenuraError, match="there is no BEIR folder at"):
        open_collection(CollectionSettings(source=str(tmp_path / "nowhere")), seed=0)


def test_a_blank_passage_is_allowed():
    collection = Collection("c", {"a": " ", "b": "text"}, {"q": "query"}, {"test": {"q": {"b": 1}}})
    assert collection.corpus["a"] == " "
