"""Mini-batches: the gradient of the whole batch, whatever the model draws, in whatever precision."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from contrastive import InBatchContrast
from menura.losses import (
    ColbertDistillationLoss,
    Flops,
    MarginMSE,
    PointwiseMSE,
    SpladeDistillationLoss,
    distillation,
)
from menura.losses.mini_batches import MiniBatches
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade
from menura.trainer import set_dropout
from tiny import WORDS, tiny_encoder, tiny_masked_lm

ROWS, PASSAGES = 5, 3
# Texts of one to nine words: each mini-batch has another length.
TEXTS = [" ".join(WORDS[3 * i : 3 * i + 1 + i % 9]) for i in range(ROWS * (1 + PASSAGES))]
COLUMNS = [TEXTS[start : start + ROWS] for start in range(0, len(TEXTS), ROWS)]
GENERATOR = torch.Generator().manual_seed(0)
LABELS = torch.stack(
    [torch.randn(ROWS, PASSAGES, generator=GENERATOR), torch.rand(ROWS, PASSAGES, generator=GENERATOR)], dim=1
)


class Kept(MiniBatches):
    """The same mini-batches, whose graphs are kept."""

    def _encode(self, features, options):
        return self.model(dict(features), **options)


@pytest.fixture(scope="module", params=["colbert", "splade", "plain splade"])
def student(request, tmp_path_factory):
    """A loss with every objective there is, and the features of a batch."""
    folder = tmp_path_factory.mktemp("model")
    objectives = [MarginMSE(), PointwiseMSE(weight=0.5), InBatchContrast()]
    if request.param == "colbert":
        model = accelerate(build_colbert(ColbertSettings(model=tiny_encoder(folder), dimension=8)))
        loss = ColbertDistillationLoss(model, objectives)
    else:
        model = build_splade(SpladeSettings(model=tiny_masked_lm(folder)))
        model = model if request.param == "plain splade" else accelerate(model)
        regularizers = [Flops("query", weight=0.1), Flops("document", weight=0.2)]
        loss = SpladeDistillationLoss(model, [*objectives, *regularizers])
    tasks = ["query", *["document"] * PASSAGES]
    features = [
        {**model.preprocess(texts, task=task), "task": task} for texts, task in zip(COLUMNS, tasks, strict=True)
    ]
    return loss, features


def step(loss, features, size, *, seed=0, scale=1.0, autocast=False):
    """By name, the parts and the gradients of one step."""
    loss.zero_grad()
    loss.mini_batch_size = size
    torch.manual_seed(seed)
    with torch.autocast("cpu", torch.bfloat16) if autocast else nullcontext():
        parts = loss([dict(column) for column in features], LABELS)
    (scale * sum(parts.values())).backward()
    gradients = {name: p.grad.clone() for name, p in loss.named_parameters() if p.grad is not None}
    return {name: part.item() for name, part in parts.items()}, gradients


def same(found, expected, tolerance=2e-5):
    (parts, gradients), (expected_parts, expected_gradients) = found, expected
    assert parts == pytest.approx(expected_parts, rel=1e-4)
    assert gradients.keys() == expected_gradients.keys()
    # Some gradients, such as those of keys' biases, are nothing but rounding.
    largest = max(gradient.abs().max() for gradient in expected_gradients.values())
    for name, gradient in gradients.items():
        assert (gradient - expected_gradients[name]).abs().max() <= tolerance * largest, name


@pytest.mark.parametrize("size", [1, 4, 100])
def test_the_gradient_is_that_of_the_whole_batch(student, size):
    loss, features = student
    set_dropout(loss.model.train(), 0.0)
    expected = step(loss, features, None)
    assert "objectives.2.log_scale" in expected[1]
    same(step(loss, features, size), expected)
    halved = step(loss, features, size, scale=0.5)
    same(halved, (expected[0], {name: 0.5 * gradient for name, gradient in expected[1].items()}))


@pytest.mark.parametrize("autocast", [False, True])
def test_what_dropout_drew_is_drawn_again(student, monkeypatch, autocast):
    loss, features = student
    set_dropout(loss.model.train(), 0.3)
    cached = step(loss, features, 4, autocast=autocast)
    assert step(loss, features, 4, seed=1, autocast=autocast)[0] != cached[0]
    monkeypatch.setattr(distillation, "MiniBatches", Kept)
    same(cached, step(loss, features, 4, autocast=autocast), tolerance=2e-2 if autocast else 2e-5)


def test_no_graph_is_kept_and_sparse_vectors_stay_sparse(student):
    loss, features = student
    set_dropout(loss.model.train(), 0.0)
    calls = []
    handle = loss.model.register_forward_pre_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    encoder = MiniBatches(loss.model, 4, loss.outputs, sparse=loss.sparse_outputs)
    encoded = loss.encode(encoder, features, LABELS[:, 0], None)
    assert len(calls) == 2 + 4
    if isinstance(loss, SpladeDistillationLoss):
        assert encoded.documents.layout == torch.sparse_csr
        assert (encoded.documents.values() != 0).all()
    encoded.scores.sum().backward()
    assert len(calls) == 2 * (2 + 4)
    handle.remove()


def test_an_evaluation_in_mini_batches(student):
    loss, features = student
    set_dropout(loss.model.train(), 0.0)
    expected, _ = step(loss, features, None)
    loss.mini_batch_size = 4
    with torch.no_grad():
        parts = loss([dict(column) for column in features], LABELS)
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(expected, rel=1e-4)


def test_a_mini_batch_without_texts():
    with pytest.raises(ValueError, match=r"\[losses\] mini_batch_size must be 1 text or more; got 0"):
        ColbertDistillationLoss(nn.Identity(), [MarginMSE()], mini_batch_size=0)
