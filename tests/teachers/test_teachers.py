"""The cross-encoder teacher: raw logits, a fingerprint, fine-tuning."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from menura import MenuraError
from menura.recipe import FinetuneSettings, TrainerSettings
from menura.teachers import CrossEncoderTeacher, finetune
from tiny import tiny_cross_encoder, tiny_encoder

PAIRS = [
    ("read file", "open the file and read a line of text"),
    ("sort list", "sort"),
    ("find word", "search the index " * 9),
]


@pytest.fixture
def folder(tmp_path):
    return tiny_cross_encoder(tmp_path / "bare")


def logits_of(folder, pairs):
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        rows = [model(**tokenizer(*pair, return_tensors="pt", truncation=True, max_length=64)) for pair in pairs]
    return np.array([row.logits.item() for row in rows])


@pytest.mark.parametrize("layout", ["bare", "saved"])
def test_scores_are_raw_logits(folder, layout, tmp_path):
    expected = logits_of(folder, PAIRS)
    if layout == "saved":
        CrossEncoder(folder).save_pretrained(str(tmp_path / "saved"))
        config = json.loads((tmp_path / "saved" / "config_sentence_transformers.json").read_text())
        assert config["activation_fn"].endswith("Sigmoid")
        folder = str(tmp_path / "saved")
    teacher = CrossEncoderTeacher.load(folder, max_length=64)
    assert teacher.fingerprint.details["activation"] == "none (stored: Sigmoid)"
    scores = teacher.score(PAIRS)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert not ((scores >= 0) & (scores <= 1)).all()


def test_batching_changes_nothing(folder):
    one = CrossEncoderTeacher.load(folder, max_length=64, batch_tokens=1).score(PAIRS * 5)
    many = CrossEncoderTeacher.load(folder, max_length=64, batch_tokens=4096).score(PAIRS * 5)
    np.testing.assert_allclose(one, many, atol=1e-5)
    assert CrossEncoderTeacher.load(folder).score([]).shape == (0,)


def test_a_very_long_passage_is_truncated(folder):
    scores = CrossEncoderTeacher.load(folder, max_length=64).score([("find word", "text " * 100_000)])
    np.testing.assert_allclose(scores, logits_of(folder, [("find word", "text " * 100_000)]), atol=1e-5)


def test_the_fingerprint_follows_what_changes_scores(folder, tmp_path):
    digest = CrossEncoderTeacher.load(folder, max_length=64).fingerprint.digest
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert CrossEncoderTeacher.load(str(tmp_path / "elsewhere"), max_length=64).fingerprint.digest == digest
    others = {
        CrossEncoderTeacher.load(folder, max_length=32).fingerprint.digest,
        CrossEncoderTeacher.load(folder, max_length=64, bf16=True).fingerprint.digest,
    }
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.bias += 1e-3
    model.save_pretrained(tmp_path / "elsewhere")
    others.add(CrossEncoderTeacher.load(str(tmp_path / "elsewhere"), max_length=64).fingerprint.digest)
    assert len(others - {digest}) == 3


def test_a_teacher_has_one_label(tmp_path):
    with pytest.raises(MenuraError, match=r"must have one label; .* has 3"):
        CrossEncoderTeacher.load(tiny_cross_encoder(tmp_path, labels=3))


def test_a_teacher_that_is_not_there(tmp_path):
    with pytest.raises(MenuraError, match="cannot load the cross-encoder"):
        CrossEncoderTeacher.load(str(tmp_path / "nowhere"))


def test_finetuning_separates_positives_from_negatives(tmp_path):
    words = ["red", "green", "blue", "black", "white", "small", "large", "fast"]
    queries = {word: f"find {word}" for word in words}
    corpus = {word: f"{word} {word} file" for word in words}
    candidates = {word: ([word], [other for other in words if other != word][:2]) for word in words}
    settings = FinetuneSettings(
        negatives=2, trainer=TrainerSettings(epochs=15, batch_size=8, learning_rate=3e-3, logging_steps=5)
    )
    arguments = (tiny_encoder(tmp_path / "start"), settings, candidates, queries, corpus)
    folder = finetune(*arguments, max_length=32, output=tmp_path / "teacher", seed=1)
    losses = [entry["loss"] for entry in json.loads((folder / "history.json").read_text()) if "loss" in entry]
    assert losses[-1] < 0.85 * losses[0]
    teacher = CrossEncoderTeacher.load(str(folder), max_length=32)
    again = finetune(*arguments, max_length=32, output=tmp_path / "again", seed=1)
    assert CrossEncoderTeacher.load(str(again), max_length=32).fingerprint.digest == teacher.fingerprint.digest
    assert AutoModelForSequenceClassification.from_pretrained(folder).config.num_labels == 1
