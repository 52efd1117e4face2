"""The embedding cache: what it saves, what it never mixes up, what it survives."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from menura import MenuraError
from menura.answer_key import text_hash
from menura.mining import DenseMiner, EmbeddingCache
from menura.mining import dense as dense_module
from menura.mining.embeddings import Embeddings
from tiny import WORDS, tiny_encoder

CORPUS = {f"p{i:02}": " ".join(WORDS[i : i + 3]) for i in range(30)}
QUERIES = {f"q{i}": WORDS[i] for i in range(5)}


@pytest.fixture
def model(tmp_path):
    return tiny_encoder(tmp_path / "model")


@pytest.fixture
def encoded(monkeypatch):
    """How many texts each call embedded."""
    counts = []
    encode = DenseMiner._encode

    def counted(self, texts, side):
        counts.append(len(texts))
        return encode(self, texts, side)

    monkeypatch.setattr(DenseMiner, "_encode", counted)
    return counts


def search(model, cache, corpus=CORPUS, **options):
    return DenseMiner(model, corpus, cache=cache, **options).search(QUERIES, 7)


def ranking(run):
    """Without the scores, whose last bit depends on the batch."""
    return {query_id: list(found) for query_id, found in run.items()}


def blocks(folder):
    return sorted(folder.rglob("*.safetensors"))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_second_time_nothing_is_embedded(model, tmp_path, encoded, dtype):
    cache = EmbeddingCache(tmp_path / "cache")
    first = search(model, cache, dtype=dtype)
    assert encoded == [30, 5]
    assert search(model, cache, dtype=dtype) == first == search(model, None, dtype=dtype)
    assert encoded[2:4] == [0, 0]
    assert {load_file(path)["vectors"].dtype for path in blocks(tmp_path / "cache")} == {getattr(torch, dtype)}


def test_dtypes_do_not_share(model, tmp_path):
    cache = EmbeddingCache(tmp_path / "cache")
    halves, floats = (search(model, cache, dtype=dtype) for dtype in ("float16", "float32"))
    assert floats == search(model, None) != halves


def test_a_corpus_that_grows_costs_its_growth(model, tmp_path, encoded):
    cache = EmbeddingCache(tmp_path / "cache")
    search(model, cache)
    grown = {**CORPUS, "new": "blue black white", "same text": CORPUS["p00"], "blank": " "}
    run = search(model, cache, grown)
    assert encoded[2:] == [1, 0]
    assert ranking(run) == ranking(search(model, None, grown))


def test_other_weights_at_the_same_path_are_another_model(model, tmp_path, encoded):
    cache = EmbeddingCache(tmp_path / "cache")
    old = search(model, cache)
    weights = load_file(f"{model}/model.safetensors")
    save_file(
        {name: tensor.flip(0) for name, tensor in weights.items()}, f"{model}/model.safetensors", {"format": "pt"}
    )
    new = search(model, cache)
    assert encoded[2:4] == [30, 5]
    assert new == search(model, None) != old


def test_another_length_or_precision_is_another_model(model, tmp_path, encoded):
    cache = EmbeddingCache(tmp_path / "cache")
    search(model, cache)
    search(model, cache, max_length=4)
    search(model, cache, bf16=True)
    assert encoded == [30, 5] * 3


@pytest.mark.parametrize("content", [b"", b"garbage", "half", "other dtype", "fewer hashes"])
def test_a_broken_block_is_embedded_anew(model, tmp_path, encoded, caplog, content):
    cache = EmbeddingCache(tmp_path / "cache")
    first = search(model, cache)
    path = max(blocks(tmp_path / "cache"), key=lambda path: path.stat().st_size)
    if content == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif content == "other dtype":
        save_file({key: tensor.half() if key == "vectors" else tensor for key, tensor in load_file(path).items()}, path)
    elif content == "fewer hashes":
        save_file({key: tensor[1:] if key == "hashes" else tensor for key, tensor in load_file(path).items()}, path)
    else:
        path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert search(model, cache) == first
    assert encoded[2:] == [30, 0]
    assert "is broken" in caplog.text


def test_a_killed_run_keeps_what_it_wrote(model, tmp_path, encoded, monkeypatch):
    monkeypatch.setattr(dense_module, "BLOCK", 8)
    cache = EmbeddingCache(tmp_path / "cache")
    replace = Path.replace
    written = []

    def killed(self, target):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(target)
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            search(model, cache, batch_size=8)
    assert len(blocks(tmp_path / "cache")) == 2
    assert ranking(search(model, cache)) == ranking(search(model, None))
    assert encoded[:3] == [30, 14, 5]


def test_blocks_are_searched_as_a_whole(model, tmp_path, monkeypatch):
    """Blocks and chunks that end in the middle, and equal texts on both sides of their ends."""
    corpus = {f"p{i:02}": WORDS[i % 4] for i in range(25)}
    whole = search(model, None, corpus)
    for name, value in (("BLOCK", 1), ("PASSAGE_CHUNK", 2), ("QUERY_CHUNK", 3)):
        monkeypatch.setattr(dense_module, name, value)
    pieces = search(model, EmbeddingCache(tmp_path / "cache"), corpus, batch_size=1)
    assert ranking(pieces) == ranking(whole)
    assert next(iter(whole["q0"])) == "p00"


def test_gathered_and_scanned_in_any_order(tmp_path):
    keys = [text_hash(word) for word in WORDS[:9]]
    vectors = torch.arange(18.0).reshape(9, 2)
    for folder in (None, tmp_path):
        stored = Embeddings(folder=folder)
        for part in ([4, 0, 8], [1, 2], [7, 3, 5, 6]):
            stored.add([keys[i] for i in part], vectors[part])
        asked = [8, 1, 1, 5, 0]
        assert torch.equal(stored.gather([keys[i] for i in asked]), vectors[asked])
        seen = [
            (i, row.tolist()) for numbers, rows in stored.scan(keys, 2) for i, row in zip(numbers, rows, strict=True)
        ]
        assert sorted(seen) == [(i, row) for i, row in enumerate(vectors.tolist())]
        assert list(stored.scan([], 2)) == []


def test_what_is_not_finite_is_not_kept(tmp_path):
    with pytest.raises(MenuraError, match="not finite"):
        Embeddings(folder=tmp_path).add([text_hash("a")], torch.tensor([[1.0, float("nan")]]))
    assert blocks(tmp_path) == []


def test_a_limit_drops_the_model_unused_longest(tmp_path, encoded):
    models = [tiny_encoder(tmp_path / f"model{layers}", layers=layers) for layers in (1, 2, 3)]
    roomy = EmbeddingCache(tmp_path / "cache")
    for model in (*models[:2], models[0]):
        search(model, roomy)
    size = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())
    search(models[2], EmbeddingCache(tmp_path / "cache", max_bytes=int(size * 1.2)))
    del encoded[:]
    search(models[0], roomy)
    search(models[1], roomy)
    assert encoded == [0, 0, 30, 5]


def test_one_model_beyond_the_limit_stays(model, tmp_path, caplog):
    search(model, EmbeddingCache(tmp_path / "cache", max_bytes=1))
    assert "beyond the limit" in caplog.text
    assert blocks(tmp_path / "cache")


def test_clearing_removes_embeddings_and_nothing_else(model, tmp_path):
    cache = EmbeddingCache(tmp_path / "cache")
    search(model, cache)
    (tmp_path / "cache" / "mine").mkdir()
    cache.clear()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["mine"]
    EmbeddingCache(tmp_path / "nowhere").clear()


def test_a_place_that_cannot_be_written(model, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MenuraError, match="cannot use the embedding cache"):
        search(model, EmbeddingCache(tmp_path / "file"))
