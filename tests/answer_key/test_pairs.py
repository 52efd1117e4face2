"""Pairs as arrays: by content, without repetition, found again."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from menura import MenuraError
from menura.answer_key import Pairs, Share, WantedPairs, hash_texts, text_hash
from menura.answer_key import pairs as module


@pytest.mark.parametrize("step", [1, 3, 1 << 20])
def test_repeated_pairs_and_texts_count_once(monkeypatch, step):
    monkeypatch.setattr(module, "STEP", step)
    generator = np.random.default_rng(step)
    query_texts = [f"query {i % 5}" for i in range(9)]
    passage_texts = [f"passage {i % 4}" for i in range(7)]
    rows = generator.integers(0, 9, 60), generator.integers(0, 7, 60)
    pairs = Pairs(hash_texts(query_texts), hash_texts(passage_texts), *rows)
    wanted = {(query_texts[q], passage_texts[p]) for q, p in zip(*rows, strict=True)}
    assert len(pairs) == len(wanted)
    everything = np.arange(len(pairs))
    found = [(query_texts[q], passage_texts[p]) for q, p in zip(*pairs.rows(everything), strict=True)]
    assert set(found) == wanted
    hashes = zip(*pairs.hashes(everything), strict=True)
    assert [(q.tobytes(), p.tobytes()) for q, p in hashes] == [(text_hash(q), text_hash(p)) for q, p in found]
    again = pairs.positions(*rows)
    assert [found[i] for i in again] == [(query_texts[q], passage_texts[p]) for q, p in zip(*rows, strict=True)]


def test_hashes_that_share_their_first_half_are_different_texts():
    hashes = np.zeros((3, 16), np.uint8)
    hashes[1, 15] = 1
    pairs = Pairs(hashes[:1], hashes, [0, 0, 0], [0, 1, 2])
    assert len(pairs) == 2, "the first and the third are one text"
    assert pairs.positions([0, 0, 0], [0, 1, 2]).tolist() == [0, 1, 0]


def test_no_pairs():
    pairs = Pairs(hash_texts([]), hash_texts([]), np.empty(0, int), np.empty(0, int))
    assert len(pairs) == 0
    assert pairs.rows(np.arange(0))[0].size == 0
    assert len(WantedPairs.of([], {}, {}).pairs) == 0


@pytest.mark.parametrize("encode", [False, True])
def test_a_table_of_ids_is_a_list_of_ids(encode):
    queries = {"q0": "one", "q1": "two"}
    corpus = {"p0": "a", "p1": "b", "p2": "a"}
    ids = [("q1", "p2"), ("q0", "p1"), ("q1", "p0"), ("q1", "p2")]
    columns = {
        name: pa.chunked_array([pa.array(values[:2]), pa.array(values[2:])])
        for name, values in zip(("query_id", "passage_id"), zip(*ids, strict=True), strict=True)
    }
    if encode:
        columns = {name: column.dictionary_encode() for name, column in columns.items()}
    listed, tabled = WantedPairs.of(ids, queries, corpus), WantedPairs.of(pa.table(columns), queries, corpus)
    for wanted in (listed, tabled):
        texts = wanted.texts(np.arange(len(wanted.pairs)))
        assert sorted(texts) == [("one", "b"), ("two", "a")]
        assert [texts[i] for i in wanted.positions] == [("two", "a"), ("one", "b"), ("two", "a"), ("two", "a")]
        assert wanted.lengths(np.arange(2)).tolist() == [4, 4]


def test_shares_are_all_of_it_and_keep_queries_whole():
    generator = np.random.default_rng(0)
    texts = hash_texts(f"query {i}" for i in range(40)), hash_texts(f"passage {i}" for i in range(9))
    pairs = Pairs(*texts, np.repeat(np.arange(40), 9), np.tile(np.arange(9), 40))
    parts = np.stack([Share(number, 3).holds(pairs) for number in (1, 2, 3)])
    assert (parts.sum(0) == 1).all()
    assert all(len(np.unique(part.reshape(40, 9), axis=1).T) == 1 for part in parts)
    assert parts.sum(1).min() > 0
    order = generator.permutation(40)
    shuffled = Pairs(texts[0][order], texts[1], np.repeat(np.arange(40), 9), np.tile(np.arange(9), 40))
    again = Share(2, 3).holds(shuffled).reshape(40, 9)[np.argsort(order)]
    assert (again.ravel() == parts[1]).all(), "whatever the order, the same queries"


def test_parts_of_a_share_are_all_of_it():
    """As when one machine of two runs four processes, and the other one."""
    texts = hash_texts(f"query {i}" for i in range(400)), hash_texts(["passage"])
    pairs = Pairs(*texts, np.arange(400), np.zeros(400, int))
    process = [Share(*part) for part in ((1, 8), (3, 8), (5, 8), (7, 8))]
    assert process == [Share(1, 2).part(rank, 4) for rank in range(4)]
    held = np.sum([part.holds(pairs) for part in [*process, Share(2, 2)]], 0)
    assert (held == 1).all()


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3"])
def test_a_share_that_is_none(text):
    with pytest.raises(MenuraError, match=r"\[annotate\] a share"):
        Share.parse(text)
    assert Share.parse("2/2") == Share(2, 2)
