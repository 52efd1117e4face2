"""Texts of like length go through the transformer together, and nothing but time tells."""

from __future__ import annotations

import copy

import pytest
import torch

from menura.batching import length_groups
from menura.layers import whole_batches
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade, restore
from menura.students import length_groups as groups
from tiny import WORDS, tiny_encoder, tiny_masked_lm

TEXTS = [" ".join(WORDS[i : i + count]) for i, count in enumerate((30, 2, 17, 2, 29, 0, 16, 1))]


@pytest.fixture(params=["colbert", "splade"])
def student(request, tmp_path):
    if request.param == "colbert":
        return build_colbert(ColbertSettings(model=tiny_encoder(tmp_path), dimension=16)).eval()
    return build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path), max_length=64)).eval()


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(groups, "PADDING", 4)


def calls(model, features, **kwargs):
    """Shapes of what reached the first layer, and the batch's embeddings, zero where masked."""
    seen = []
    layer = model[0].model.base_model.encoder.layer[0]
    handle = layer.register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape[:2])))
    output = model(dict(features), **kwargs)
    handle.remove()
    if "sentence_embedding" in output:
        return seen, output["sentence_embedding"]
    return seen, output["token_embeddings"] * output["attention_mask"][..., None]


def test_groups_are_padded_no_more_than_allowed():
    lengths = [5, 9, 1, 9, 8, 4, 4, 2]
    assert list(length_groups(lengths, 1)) == [[1, 3, 4], [0, 5], [6], [7, 2]]
    assert list(length_groups(lengths, 0)) == [[1, 3], [4], [0], [5, 6], [7], [2]]
    assert list(length_groups(lengths, 100)) == [[1, 3, 4, 0, 5, 6, 7, 2]]
    assert list(length_groups([], 8)) == []


def test_values_and_gradients_are_those_of_the_whole_batch(student):
    features = student.preprocess(TEXTS)
    found = []
    for model in (student, accelerate(copy.deepcopy(student))):
        model.zero_grad()
        if hasattr(model[1], "pooling_strategy"):
            model[1].train()  # in evaluation mode the original writes in place, which has no gradient
        shapes, embeddings = calls(model, features, task="document")
        (embeddings * torch.linspace(-1, 1, embeddings.numel()).view_as(embeddings)).sum().backward()
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        found.append((shapes, embeddings.detach(), gradients))
    (whole, expected, expected_gradients), (cut, embeddings, gradients) = found
    # With [CLS] and [SEP] the texts have 2 more tokens than words.
    assert whole == [(8, 32)]
    assert cut == [(2, 32), (2, 19), (4, 4)]
    torch.testing.assert_close(embeddings, expected, atol=1e-5, rtol=1e-4)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in expected_gradients.items():
        torch.testing.assert_close(gradients[name], gradient, atol=1e-4, rtol=1e-3, msg=name)


def test_a_hole_in_the_mask_is_no_end(student):
    features = student.preprocess(TEXTS)
    features["attention_mask"][0, 5:31] = 0
    expected = calls(student, features, task="document")[1]
    shapes, embeddings = calls(accelerate(student), features, task="document")
    assert shapes[0] == (2, 32)
    torch.testing.assert_close(embeddings, expected, atol=1e-5, rtol=1e-4)


def test_what_is_padded_on_the_left_stays_whole(student):
    features = {
        name: value.flip(1) if isinstance(value, torch.Tensor) and value.dim() == 2 else value
        for name, value in student.preprocess(TEXTS).items()
    }
    assert calls(accelerate(student), features, task="document")[0] == [(8, 32)]


def test_who_looks_at_layers_may_ask_for_whole_batches(student):
    features = student.preprocess(TEXTS)
    accelerate(student)
    with whole_batches():
        assert calls(student, features, task="document")[0] == [(8, 32)]
    assert len(calls(student, features, task="document")[0]) == 3
    student[0].model.config.output_hidden_states = True
    assert calls(student, features, task="document")[0] == [(8, 32)]


def test_expanded_queries_are_read_behind_their_end(tmp_path):
    model = build_colbert(ColbertSettings(model=tiny_encoder(tmp_path), dimension=16)).eval()
    model[0].query_expansion = {"strategy": "min", "length": 8, "token": None, "attend": False}
    features = model.preprocess(TEXTS, task="query")
    assert "query_expansion_positions" in features
    expected = model(dict(features), task="query")["token_embeddings"]
    shapes = calls(accelerate(model), features, task="query")[0]
    assert shapes == [(8, 32)]
    torch.testing.assert_close(model(dict(features), task="query")["token_embeddings"], expected)


def test_restore_takes_it_away(student):
    features = student.preprocess(TEXTS)
    assert calls(restore(accelerate(student)), features, task="document")[0] == [(8, 32)]
