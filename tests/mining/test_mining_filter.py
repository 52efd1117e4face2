"""The filter of false negatives, and scores that are no numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from menura import MenuraError
from menura.collections import Collection, read_beir
from menura.mining import DenseMiner, mine
from menura.recipe import MiningSettings
from tiny import tiny_beir, tiny_encoder


def negatives(collection: Collection, **settings):
    candidates = mine(collection, MiningSettings(negatives=40, depth=40, **settings))
    return {query_id: set(mined) for query_id, (_, mined) in candidates.by_query().items()}


def test_the_filter_reaches_what_only_bm25_found(tmp_path):
    """Of depth 1, the dense miner finds one passage; BM25's must be compared with the positive all the same."""
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    model = tiny_encoder(tmp_path / "model")
    dense = DenseMiner(model, collection.corpus)
    candidates = mine(collection, MiningSettings(dense_model=model, depth=1, negatives=2, positive_ratio=0.99))
    for query_id, (positives, mined) in candidates.by_query().items():
        scores = dense.similarities(collection.queries[query_id], [*positives, *mined])
        assert all(scores[passage_id] <= 0.99 * scores[positives[0]] for passage_id in mined)


def test_a_lower_ratio_leaves_fewer_negatives(tmp_path):
    collection = read_beir(tiny_beir(tmp_path / "beir"))
    model = tiny_encoder(tmp_path / "model")
    loose, strict = (negatives(collection, dense_model=model, positive_ratio=ratio) for ratio in (2, 0.9))
    assert all(strict[query_id] <= loose[query_id] for query_id in loose)
    assert sum(map(len, strict.values())) < sum(map(len, loose.values()))


def test_bf16_embeddings_are_close(tmp_path):
    model = tiny_encoder(tmp_path)
    corpus = {"a": "read the file", "b": "sort a list of numbers"}
    exact, rounded = (
        DenseMiner(model, corpus, bf16=bf16).similarities("open a file", corpus) for bf16 in (False, True)
    )
    assert exact != rounded
    assert exact == pytest.approx(rounded, abs=0.05)


def test_a_truncated_checkpoint(tmp_path):
    weights = Path(tiny_encoder(tmp_path)) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(MenuraError, match="cannot load the dense model"):
        DenseMiner(str(tmp_path), {"a": "text"})
