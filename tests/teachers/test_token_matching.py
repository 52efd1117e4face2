"""The head that compares tokens: its formula, empty texts, saving, training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sentence_transformers.base.modules import Transformer
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast, RobertaConfig, RobertaModel

from menura import MenuraError
from menura.recipe import FinetuneSettings, TrainerSettings
from menura.teachers import CrossEncoderTeacher, TokenMatching, finetune
from menura.teachers.token_matching import add_token_matching
from tiny import VOCABULARY, tiny_encoder, tiny_tokenizer_folder

PAIRS = [
    ("read file", "open the file, and read a line of text"),
    ("sort list", "sort"),
    ("find word", "search the index " * 5),
]


@pytest.fixture
def encoder(tmp_path):
    return tiny_encoder(tmp_path / "encoder")


@pytest.fixture
def saved(encoder, tmp_path):
    model = add_token_matching(Transformer(encoder))
    with torch.no_grad():
        model[-1].scale.fill_(3.0)
    model.save_pretrained(str(tmp_path / "saved"))
    return str(tmp_path / "saved")


def logit(encoder, scale, query, passage):
    """By the formula, token by token, one pair at a time."""
    model, tokenizer = AutoModel.from_pretrained(encoder).eval(), AutoTokenizer.from_pretrained(encoder)
    inputs = tokenizer(query, passage, return_tensors="pt")
    with torch.no_grad():
        tokens = normalize(model(**inputs).last_hidden_state[0], dim=-1)
    special = tokenizer.get_special_tokens_mask(inputs["input_ids"][0].tolist(), already_has_special_tokens=True)
    sides: tuple[list, list] = ([], [])
    for token, side, is_special in zip(tokens, inputs["token_type_ids"][0].tolist(), special, strict=True):
        if not is_special:
            sides[side].append(token)
    best = [max(float(q @ p) for p in sides[1]) for q in sides[0]]
    return scale * sum(best) / len(best)


def test_scores_follow_the_formula_whatever_the_batch(encoder, saved):
    expected = [logit(encoder, 3.0, *pair) for pair in PAIRS]
    for batch_tokens in (1, 4096):
        teacher = CrossEncoderTeacher.load(saved, max_length=64, batch_tokens=batch_tokens)
        np.testing.assert_allclose(teacher.score(PAIRS), expected, atol=1e-5)


def test_empty_texts(saved):
    scores = CrossEncoderTeacher.load(saved, max_length=64).score([("", "a file"), ("a file", ""), ("", "")])
    np.testing.assert_allclose(scores, [0, -3, -3], atol=1e-6)


def test_a_long_passage_leaves_the_query_whole(encoder, saved):
    query, passage = PAIRS[0]
    long = CrossEncoderTeacher.load(saved, max_length=32).score([(query, f"{passage} " * 50)])
    kept = AutoTokenizer.from_pretrained(encoder)(query, f"{passage} " * 50, truncation=True, max_length=32)
    assert len(kept["input_ids"]) == 32
    assert np.isfinite(long).all()


def test_the_fingerprint_follows_the_head(saved):
    digest = CrossEncoderTeacher.load(saved, max_length=64).fingerprint.digest
    assert CrossEncoderTeacher.load(saved, max_length=64).fingerprint.digest == digest
    teacher = CrossEncoderTeacher.load(saved, max_length=64)
    with torch.no_grad():
        teacher._model[-1].scale.add_(1.0)
    assert teacher.fingerprint.digest != digest


def test_the_gradient_reaches_both_sides(encoder):
    model = add_token_matching(Transformer(encoder)).eval()
    embeddings = model[0].model.embeddings.word_embeddings.weight
    features = model.preprocess([("read", "file")])
    model(features)["scores"].sum().backward()
    read, file = (VOCABULARY.index(word) for word in ("read", "file"))
    assert embeddings.grad[read].abs().sum() > 0
    assert embeddings.grad[file].abs().sum() > 0
    assert isinstance(model[-1], TokenMatching)
    assert model[-1].scale.grad is not None


def test_finetuning_it(encoder, tmp_path):
    words = ["red", "green", "blue", "black", "white", "small", "large", "fast"]
    queries = {word: f"find {word}" for word in words}
    corpus = {word: f"{word} {word} file" for word in words}
    candidates = {word: ([word], [other for other in words if other != word][:2]) for word in words}
    settings = FinetuneSettings(
        head="token_matching",
        negatives=2,
        dropout=0,
        trainer=TrainerSettings(epochs=15, batch_size=8, learning_rate=3e-3),
    )
    folder = finetune(encoder, settings, candidates, queries, corpus, max_length=32, output=tmp_path / "t", seed=1)
    teacher = CrossEncoderTeacher.load(str(folder), max_length=32)
    for word, (positives, negatives) in candidates.items():
        logits = teacher.score([(queries[word], corpus[other]) for other in positives + negatives])
        assert logits.argmax() == 0
    more = finetune(str(folder), settings, candidates, queries, corpus, max_length=32, output=tmp_path / "u", seed=1)
    assert isinstance(CrossEncoderTeacher.load(str(more), max_length=32)._model[-1], TokenMatching)


def test_a_tokenizer_without_token_types(tmp_path):
    folder = tiny_tokenizer_folder(tmp_path / "roberta")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer,
        pad_token="[PAD]",
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    RobertaModel(RobertaConfig(vocab_size=len(VOCABULARY), **sizes)).save_pretrained(folder)
    settings = FinetuneSettings(head="token_matching")
    with pytest.raises(MenuraError, match="head token_matching needs token types"):
        finetune(folder, settings, {}, {}, {}, max_length=32, output=tmp_path / "t", seed=1)
