"""Files: streamed, checked as they pass, written whole or not at all."""

from __future__ import annotations

import gzip
import hashlib

import pyarrow as pa
import pytest

from menura import MenuraError
from menura.files import (
    Ids,
    Row,
    content_digest,
    data_files,
    json_lines,
    lines,
    locate,
    rows,
    table_files,
    whole_file,
    whole_folder,
    write_json_lines,
    write_lines,
    write_table,
)


def test_lines_have_places_and_blank_ones_count(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes("one\r\n\n  \nfour\u2028five\n last ".encode())
    assert list(lines(path)) == [(f"{path}:1", "one"), (f"{path}:4", "four\u2028five"), (f"{path}:5", " last ")]


def test_gzip_is_unpacked(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    write_json_lines(path, [{"é": 1}, [2]])
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    assert [value for _, value in json_lines(path)] == [{"é": 1}, [2]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": 1,}\n', r"a.jsonl:2: not valid JSON"),
        ("a.jsonl", b'{"a": {"b": 1, "c": 2, "b": 1}}', r"a.jsonl:1: the key 'b' stands twice"),
        ("a.jsonl", b"\xff\xfe", "a.jsonl is not UTF-8 text"),
        ("a.jsonl.gz", b"no gzip", "cannot read .*a.jsonl.gz"),
        ("a.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 10_000)[:-12], "cannot read .*a.jsonl.gz"),
    ],
)
def test_broken_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MenuraError, match=message):
        list(json_lines(tmp_path / name))


def test_a_missing_file(tmp_path):
    with pytest.raises(MenuraError, match=r"a\.tsv is missing"):
        list(lines(tmp_path / "a.tsv"))


def test_ids_become_strings():
    assert Ids("query").many([1, 20], "here") == ["1", "20"]
    assert Ids("query").many(["01", "x"], "here") == ["01", "x"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "2"], "here: the query id '2' is of type str, those before it are of type int"),
        (["1", 2], "here: the query id 2 is of type int"),
        ([1.0], r"a query id must be a string or a whole number; got 1.0 \(float\)"),
        ([True], r"got True \(bool\)"),
        ([None], r"got None \(NoneType\)"),
        ([""], "a query id is blank"),
    ],
)
def test_ids_of_two_types_or_of_another(values, message):
    with pytest.raises(MenuraError, match=message):
        Ids("query").many(values, "here")
    ids = Ids("query")
    with pytest.raises(MenuraError, match=message):
        [ids.one(value, "here") for value in values]


ROW = Row("here", {"a": "[1, 2.5]", "b": ["x"], "c": "(1,)", "d": None, "e": [1, "2"], "f": [True], "g": "__import__"})


def test_columns_of_a_row():
    assert ROW.numbers("a") == [1, 2.5]
    assert ROW.texts("missing", "b") == ["x"]
    assert "d" not in ROW
    assert "b" in ROW


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: ROW.value("d", "missing"), "expected the column 'd' or 'missing'; got {"),
        (lambda: ROW.items("c"), "'c' must be a list"),
        (lambda: ROW.items("g"), "'g' must be a list"),
        (lambda: ROW.numbers("e"), "'e' must hold numbers only"),
        (lambda: ROW.numbers("f"), "'f' must hold numbers only"),
        (lambda: ROW.number("g"), "'g' must hold numbers only"),
        (lambda: ROW.text("b"), "'b' must be a string, not list"),
        (lambda: ROW.texts("e"), "'e' must be a list of strings"),
        (lambda: ROW.objects("b"), "'b' must be a list of objects"),
    ],
)
def test_columns_that_hold_something_else(read, message):
    with pytest.raises(MenuraError, match=r"^\[files\] here: ") as raised:
        read()
    assert message in str(raised.value)


SCHEMA = pa.schema([("id", pa.int64()), ("texts", pa.list_(pa.string()))])
VALUES = [{"id": number, "texts": ["é"] * (number % 3)} for number in range(5000)]


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl", "t.ndjson.gz"])
def test_tables_round_trip(tmp_path, name):
    write_table(tmp_path / name, VALUES, SCHEMA)
    found = list(rows(tmp_path / name))
    assert [row.values for row in found] == VALUES
    assert "4321" in found[4320].place


def test_rows_that_are_none(tmp_path):
    (tmp_path / "a.jsonl").write_text("[1]\n")
    (tmp_path / "a.parquet").write_text("no Parquet")
    with pytest.raises(MenuraError, match=r"a.jsonl:1: expected a JSON object; got \[1\]"):
        list(rows(tmp_path / "a.jsonl"))
    with pytest.raises(MenuraError, match=r"cannot read .*a\.parquet"):
        list(rows(tmp_path / "a.parquet"))


def test_tables_of_a_folder(tmp_path):
    for name in (
        "train-00001-of-2.parquet",
        "train-00000-of-2.parquet",
        "queries/train-0.jsonl",
        "README.md",
        "training.jsonl",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [file.name for file in table_files(tmp_path, "scores", "train")] == [
        "train-00000-of-2.parquet",
        "train-00001-of-2.parquet",
    ]
    assert [file.name for file in table_files(tmp_path, "queries")] == ["train-0.jsonl"]
    assert table_files(tmp_path, "documents") == []
    assert len(data_files(tmp_path)) == 4
    (tmp_path / "empty").mkdir()
    with pytest.raises(MenuraError, match="holds no table"):
        data_files(tmp_path / "empty")


def test_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert locate("here").is_dir()
    with pytest.raises(MenuraError, match=r"no/where\.tsv is missing"):
        locate("no/where.tsv")
    with pytest.raises(MenuraError, match="'org/name' is neither here nor on the hub"):
        locate("org/name")


def test_a_folder_of_a_hub_data_set(tmp_path, monkeypatch):
    asked = {}

    def download(name, *, repo_type, allow_patterns):
        asked.update(name=name, repo_type=repo_type, allow_patterns=allow_patterns)
        (tmp_path / "snapshot" / "margins").mkdir(parents=True, exist_ok=True)
        return str(tmp_path / "snapshot")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert locate("org/data/margins") == tmp_path / "snapshot" / "margins"
    assert asked == {"name": "org/data", "repo_type": "dataset", "allow_patterns": ["margins/*"]}
    with pytest.raises(MenuraError, match="the hub's org/data has no other"):
        locate("org/data/other")


def test_digests(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"x" * 3_000_000)
    two.write_bytes(b"y")
    assert content_digest([one]) == hashlib.sha256(one.read_bytes()).hexdigest()
    both = content_digest([one, two])
    assert len({both, content_digest([two, one]), content_digest([one])}) == 3
    with pytest.raises(MenuraError, match="cannot read"):
        content_digest([tmp_path / "missing"])


def test_what_fails_leaves_nothing_and_spoils_nothing(tmp_path):
    path = tmp_path / "a.jsonl"
    write_json_lines(path, [1])

    def failing():
        yield 2
        raise MenuraError("no")

    with pytest.raises(MenuraError, match="no"):
        write_json_lines(path, failing())
    assert path.read_text() == "1\n"
    with pytest.raises(MenuraError, match="no"):
        write_table(tmp_path / "a.parquet", ({"id": value} for value in failing()), SCHEMA)
    with pytest.raises(MenuraError, match="no"), whole_folder(tmp_path / "folder") as folder:
        write_json_lines(folder / "a.jsonl", failing())
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for block in (whole_file, whole_folder):
        with pytest.raises(MenuraError, match="cannot write"), block(tmp_path / "file" / "below"):
            pass
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").touch()
    with pytest.raises(MenuraError, match="holds files already"), whole_folder(tmp_path / "folder"):
        pass
    with pytest.raises(MenuraError, match="half of a character, at 1"):
        write_lines(tmp_path / "a.tsv", ["x\ud800"])
    with pytest.raises(MenuraError, match="the format is one of lines"):
        write_lines(tmp_path / "a.parquet", ["x"])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]
