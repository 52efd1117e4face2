"""The cross-encoder teacher: raw logits, a fingerprint, fine-tuning."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Transformer
from sentence_transformers.cross_encoder.modules import LogitScore
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    DebertaV2Config,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    Qwen2Config,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from menura import MenuraError
from menura.answer_key import AnswerKey, annotate
from menura.recipe import FinetuneSettings, TrainerSettings
from menura.teachers import CrossEncoderTeacher, encoding, finetune
from menura.trainer import latest_checkpoint
from stopping import stopped_at
from tiny import VOCABULARY, tiny_cross_encoder, tiny_encoder, tiny_masked_lm, tiny_tokenizer_folder

PAIRS = [
    ("read file", "open the file and read a line of text"),
    ("sort list", "sort"),
    ("find word", "search the index " * 9),
]
SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}


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
    assert CrossEncoderTeacher.load(folder, max_length=64).score([]).shape == (0,)


@pytest.mark.parametrize(
    ("architecture", "details"),
    [
        (BertConfig, {}),
        (RobertaConfig, {}),
        (DebertaV2Config, {"pos_att_type": ["p2c", "c2p"], "relative_attention": True, "position_buckets": 8}),
        (ModernBertConfig, {"local_attention": 8}),
        (Qwen2Config, {"num_key_value_heads": 1}),
    ],
)
@pytest.mark.parametrize("layout", ["bare", "saved"])
def test_every_architecture_scores_as_the_library_does(tmp_path, architecture, details, layout):
    folder = tiny_tokenizer_folder(tmp_path / "bare")
    config = architecture(vocab_size=len(VOCABULARY), num_labels=1, pad_token_id=0, **SIZES, **details)
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(folder)
    library = CrossEncoder(folder, prompts={"task": "find the answer: "} if layout == "saved" else None)
    if layout == "saved":
        library.default_prompt_name = "task"
        library.save_pretrained(folder := str(tmp_path / "saved"))
    library.max_seq_length = 24
    pairs = [*PAIRS, ("", "ünïcödé — ☃ 中文"), ("word " * 40, "long query"), ("sort", "text " * 500), *PAIRS]
    expected = library.predict(pairs, activation_fn=torch.nn.Identity())
    scores = CrossEncoderTeacher.load(folder, max_length=24, batch_tokens=50).score(pairs)
    np.testing.assert_allclose(scores, expected, atol=1e-5, rtol=1e-5)
    assert scores.std() > 1e-3


def test_more_pairs_than_are_tokenized_at_once(folder, monkeypatch):
    expected = CrossEncoderTeacher.load(folder, max_length=64).score(PAIRS * 7)
    monkeypatch.setattr(encoding, "BLOCK", 4)
    np.testing.assert_allclose(CrossEncoderTeacher.load(folder, max_length=64).score(PAIRS * 7), expected, atol=1e-5)


def test_bf16_leaves_the_head_in_float32(folder):
    pairs = [(query, f"{passage} {word}") for query, passage in PAIRS for word in VOCABULARY[-40:]]
    exact = CrossEncoderTeacher.load(folder, max_length=64).score(pairs)
    scores = CrossEncoderTeacher.load(folder, max_length=64, bf16=True).score(pairs)
    assert 0 < np.abs(scores - exact).max() < 0.1 * exact.std()
    assert (scores != torch.tensor(scores).bfloat16().float().numpy()).any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_not_stored(folder, tmp_path, value):
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.bias.fill_(value)
    model.save_pretrained(folder)
    teacher = CrossEncoderTeacher.load(folder, max_length=64)
    queries, corpus = {"q0": "read", "q1": "sort"}, {"p0": "file", "p1": "list"}
    with pytest.raises(MenuraError, match=f"the teacher answered {value} to the query 'q[01]'"):
        annotate(AnswerKey(tmp_path / "key"), teacher, [("q0", "p0"), ("q1", "p1")], queries, corpus)


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


def edit(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_the_fingerprint_survives_scoring_and_saving(folder, tmp_path):
    teacher = CrossEncoderTeacher.load(folder, max_length=64)
    teacher.score(PAIRS)
    digest = CrossEncoderTeacher.load(folder, max_length=64).fingerprint.digest
    assert teacher.fingerprint.digest == digest
    CrossEncoder(folder).save_pretrained(str(tmp_path / "saved"))
    assert CrossEncoderTeacher.load(str(tmp_path / "saved"), max_length=64).fingerprint.digest == digest


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"hidden_act": "relu"}),
        ("config_sentence_transformers.json", {"prompts": {"task": "find: "}, "default_prompt_name": "task"}),
        ("tokenizer_config.json", {"truncation_side": "left"}),
    ],
)
def test_the_fingerprint_follows_what_is_not_weights(folder, tmp_path, file, values):
    saved = tmp_path / "saved"
    CrossEncoder(folder).save_pretrained(str(saved))
    before = CrossEncoderTeacher.load(str(saved), max_length=16)
    edit(saved / file, **values)
    after = CrossEncoderTeacher.load(str(saved), max_length=16)
    assert not np.allclose(before.score(PAIRS), after.score(PAIRS), atol=1e-4)
    assert before.fingerprint.digest != after.fingerprint.digest


@pytest.mark.parametrize("tiny_model", [tiny_encoder, tiny_masked_lm])
def test_a_teacher_has_a_trained_head(tmp_path, tiny_model):
    with pytest.raises(MenuraError, match=r"no trained cross-encoder head; add teacher\.finetune"):
        CrossEncoderTeacher.load(tiny_model(tmp_path), max_length=64)


def test_a_language_model_that_answers_yes_or_no(tmp_path):
    folder = tiny_tokenizer_folder(tmp_path / "lm")
    LlamaForCausalLM(LlamaConfig(vocab_size=len(VOCABULARY), **SIZES)).save_pretrained(folder)
    digests = set()
    for yes in (50, 51):
        model = CrossEncoder(modules=[Transformer(folder, transformer_task="text-generation"), LogitScore(yes, 60)])
        assert model.config.num_labels == 2
        model.save_pretrained(str(tmp_path / "saved"))
        teacher = CrossEncoderTeacher.load(str(tmp_path / "saved"), max_length=64)
        np.testing.assert_allclose(
            teacher.score(PAIRS), model.predict(PAIRS, activation_fn=torch.nn.Identity()), atol=1e-5
        )
        digests.add(teacher.fingerprint.digest)
    assert len(digests) == 2


def test_truncated_weights(folder):
    weights = Path(folder) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(MenuraError, match="cannot load the cross-encoder"):
        CrossEncoderTeacher.load(folder, max_length=64)


def test_as_many_tokens_as_positions(folder, tmp_path):
    tiny_tokenizer_folder(tmp_path / "roberta")
    config = RobertaConfig(vocab_size=len(VOCABULARY), max_position_embeddings=130, num_labels=1, **SIZES)
    RobertaForSequenceClassification(config).save_pretrained(tmp_path / "roberta")
    for reference in (folder, str(tmp_path / "roberta")):
        teacher = CrossEncoderTeacher.load(reference, max_length=128)
        assert np.isfinite(teacher.score([("find word", "text " * 1000)])).all()
        with pytest.raises(MenuraError, match=r"max_length 129 is more than the 128 positions"):
            CrossEncoderTeacher.load(reference, max_length=129)


def test_a_teacher_has_one_label(tmp_path):
    with pytest.raises(MenuraError, match=r"must have one label; .* has 3"):
        CrossEncoderTeacher.load(tiny_cross_encoder(tmp_path, labels=3), max_length=64)


def test_a_teacher_that_is_not_there(tmp_path):
    with pytest.raises(MenuraError, match="cannot load the cross-encoder"):
        CrossEncoderTeacher.load(str(tmp_path / "nowhere"))


def test_finetuning_separates_positives_from_negatives(tmp_path):
    words = ["red", "green", "blue", "black", "white", "small", "large", "fast"]
    queries = {word: f"find {word}" for word in words}
    corpus = {word: f"{word} {word} file" for word in words}
    candidates = {word: ([word], [other for other in words if other != word][:2]) for word in words}
    settings = FinetuneSettings(
        negatives=2, dropout=0, trainer=TrainerSettings(epochs=15, batch_size=8, learning_rate=3e-3, logging_steps=5)
    )
    arguments = (tiny_encoder(tmp_path / "start"), settings, candidates, queries, corpus)
    folder = finetune(*arguments, max_length=32, output=tmp_path / "teacher", seed=1)
    losses = [entry["loss"] for entry in json.loads((folder / "history.json").read_text()) if "loss" in entry]
    assert losses[-1] < 0.85 * losses[0]
    teacher = CrossEncoderTeacher.load(str(folder), max_length=32)
    again = finetune(*arguments, max_length=32, output=tmp_path / "again", seed=1)
    assert CrossEncoderTeacher.load(str(again), max_length=32).fingerprint.digest == teacher.fingerprint.digest
    assert AutoModelForSequenceClassification.from_pretrained(folder).config.num_labels == 1


def test_finetuning_goes_on_to_the_same_weights(tmp_path):
    words = ["red", "green", "blue", "black", "white", "small", "large", "fast"]
    queries, corpus = {word: f"find {word}" for word in words}, {word: f"{word} {word} file" for word in words}
    candidates = {word: ([word], [other for other in words if other != word]) for word in words}
    steps = TrainerSettings(max_steps=7, batch_size=3, learning_rate=3e-3, save_steps=2, logging_steps=1)
    settings = FinetuneSettings(negatives=2, head="token_matching", dropout=0.2, trainer=steps)
    arguments = (tiny_encoder(tmp_path / "start"), settings, candidates, queries, corpus)
    whole = finetune(*arguments, max_length=32, output=tmp_path / "whole", seed=1)
    with stopped_at(5):
        finetune(*arguments, max_length=32, output=tmp_path / "stopped", seed=1)
    assert latest_checkpoint(tmp_path / "stopped" / "checkpoints").name == "checkpoint-4"
    stopped = finetune(*arguments, max_length=32, output=tmp_path / "stopped", seed=1)
    digests = [CrossEncoderTeacher.load(str(folder), max_length=32).fingerprint.digest for folder in (whole, stopped)]
    assert digests[0] == digests[1]
    curves = [json.loads((folder / "history.json").read_text()) for folder in (whole, stopped)]
    losses = [[entry["loss"] for entry in curve if "loss" in entry] for curve in curves]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 7
