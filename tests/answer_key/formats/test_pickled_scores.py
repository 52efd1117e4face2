"""Pickled score maps: read without unpickling; whatever is more than data is refused."""

from __future__ import annotations

import collections
import gzip
import os
import pickle
import tracemalloc

import numpy as np
import pytest

from menura import MenuraError
from menura.answer_key.formats import FORMATS
from menura.answer_key.formats.pickled import pickled_items


def stored(path, value, protocol=4):
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        pickle.dump(value, file, protocol=protocol)
    return path


SCORES = {
    query: {passage: query - passage / 7 for passage in range(query % 5 + 1)} for query in (1, 255, 65536, 2**40, -3)
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["scores.pkl", "scores.pkl.gz"])
def test_every_protocol(tmp_path, name, protocol):
    path = stored(tmp_path / name, SCORES, protocol)
    assert dict(pickled_items(path)) == SCORES
    records = list(FORMATS["score-map"].read(path))
    assert {r.query: dict(zip(r.passages, r.scores, strict=True)) for r in records} == {
        str(query): {str(passage): score for passage, score in found.items()} for query, found in SCORES.items()
    }


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_strings_that_are_shared(tmp_path, protocol):
    passages = [f"passage {number}" for number in range(30)]
    scores = {f"q{query}": {passage: float(query) for passage in passages} for query in range(1200)}
    assert dict(pickled_items(stored(tmp_path / "s.pkl", scores, protocol))) == scores


def test_an_empty_map(tmp_path):
    assert list(pickled_items(stored(tmp_path / "s.pkl", {}))) == []


class Command:
    def __reduce__(self):
        return os.system, ("touch pwned",)


SHARED = {1: 0.5}


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "value",
    [
        Command(),
        {1: {2: Command()}},
        {1: {Command(): 0.5}},
        {1: [{"a": [Command()]}]},
        {1: {2: np.float32(0.5)}},
        {1: np.zeros(3)},
        {np.int64(1): {2: 0.5}},
        collections.defaultdict(dict, {1: {2: 0.5}}),
        collections.OrderedDict({1: {2: 0.5}}),
        {1: {(2, 3): 0.5}},
        {1: {2: None}},
        {1: {2: b"0.5"}},
        {1: {2: {3}}},
        print,
    ],
    ids=lambda value: type(value).__name__,
)
def test_more_than_data_is_refused(tmp_path, monkeypatch, value, protocol):
    monkeypatch.chdir(tmp_path)
    path = stored(tmp_path / "s.pkl", value, protocol)
    with pytest.raises(MenuraError, match=r"only dicts, lists, strings, ints and floats|expected \{passage: score\}"):
        list(FORMATS["score-map"].read(path))
    assert [file.name for file in tmp_path.iterdir()] == ["s.pkl"], "nothing was called"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], "holds no dict"),
        ("text", "holds no dict"),
        ({1: [2, 3]}, r"expected {passage: score}; got \[2, 3\]"),
        ({1: {2: {3: 0.5}}}, "expected {passage: score}"),
        ({1: {2: True}}, "only dicts, lists, strings, ints and floats|expected {passage: score}"),
        ({1: {2: "0.5"}}, "expected {passage: score}"),
        ({1: {}}, "there are no passages"),
        ({1: {2: float("nan")}}, "nan is not a score"),
        ({1: {2: 0.5}, "1": {2: 0.5}}, "the query id '1' is of type str"),
        ({1.5: {2: 0.5}}, "a query id must be a string or a whole number"),
        ({1: SHARED, 2: SHARED}, "refers twice to one dict or list"),
    ],
)
def test_other_data_is_refused(tmp_path, value, message):
    with pytest.raises(MenuraError, match=message):
        list(FORMATS["score-map"].read(stored(tmp_path / "s.pkl", value)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04",
        b"garbage",
        pickle.dumps(SCORES)[:-5],
        b"}s.",
        b"}(K\x01u.",
        b"(.",
        b"}K\x01K\x02K\x03s.",
        b"h\x00.",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_broken_pickles(tmp_path, content, packed):
    path = tmp_path / ("s.pkl.gz" if packed else "s.pkl")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(MenuraError, match=r"s\.pkl"):
        list(pickled_items(path))


def test_a_missing_pickle(tmp_path):
    with pytest.raises(MenuraError, match="is missing"):
        list(pickled_items(tmp_path / "s.pkl"))


def test_a_large_map_is_never_held(tmp_path):
    path = stored(tmp_path / "s.pkl", {query: {passage: passage / 7 for passage in range(8)} for query in range(6_000)})
    tracemalloc.start()
    pairs = sum(len(record.passages) for record in FORMATS["score-map"].read(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pairs == 48_000
    assert peak < 1_500_000, "a thousand queries at a time"
