"""Weights of scores in the losses: what counts nothing teaches nothing."""

from __future__ import annotations

import pytest
import torch

from menura.losses import (
    Affine,
    ColbertDistillationLoss,
    MarginMSE,
    PointwiseMSE,
    SpladeDistillationLoss,
    margin_mse,
    pointwise_mse,
)
from menura.losses.labels import split_labels
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import build_colbert, build_splade
from tiny import tiny_encoder, tiny_masked_lm

GENERATOR = torch.Generator().manual_seed(0)
STUDENT = torch.randn(5, 4, generator=GENERATOR)
TEACHER = torch.randn(5, 4, generator=GENERATOR)
WEIGHTS = torch.rand(5, 4, generator=GENERATOR)


def losses(weights):
    """Every loss with its gradient."""
    found = []
    for loss in (
        lambda s: margin_mse(s, TEACHER, weights=weights),
        lambda s: margin_mse(s, TEACHER, pairs="all", weights=weights),
        lambda s: pointwise_mse(s, TEACHER, calibration=Affine(2, 1), weights=weights),
    ):
        student = STUDENT.clone().requires_grad_()
        value = loss(student)
        value.backward()
        found.append((value.detach(), student.grad))
    return found


def test_weights_of_one_change_no_bit():
    for (plain, gradient), (weighed, weighed_gradient) in zip(losses(None), losses(torch.ones(5, 4)), strict=True):
        assert torch.equal(plain, weighed)
        assert torch.equal(gradient, weighed_gradient)


def test_against_sums_spelled_out():
    margin, every, points = (value.item() for value, _ in losses(WEIGHTS))

    def mean_over(pairs):
        total = above = 0.0
        for b in range(5):
            for i, j in pairs:
                weight = (WEIGHTS[b, i] * WEIGHTS[b, j]).item()
                error = (STUDENT[b, i] - STUDENT[b, j]) - (TEACHER[b, i] - TEACHER[b, j])
                above, total = above + weight * error.item() ** 2, total + weight
        return above / total

    assert margin == pytest.approx(mean_over([(0, 1), (0, 2), (0, 3)]), rel=1e-5)
    assert every == pytest.approx(mean_over([(i, j) for i in range(4) for j in range(i + 1, 4)]), rel=1e-5)
    squares = (STUDENT - (2 * TEACHER + 1)) ** 2
    assert points == pytest.approx(((WEIGHTS * squares).sum() / WEIGHTS.sum()).item(), rel=1e-5)


def test_what_weighs_nothing_has_no_gradient_and_the_rest_keeps_its_own():
    weights = WEIGHTS.clone()
    weights[2, 1] = 0
    for _, gradient in losses(weights):
        assert gradient[2, 1] == 0
        assert gradient.count_nonzero() == 19


def test_a_batch_in_which_nothing_counts():
    for value, gradient in losses(torch.zeros(5, 4)):
        assert value == 0
        assert gradient.count_nonzero() == 0


def test_no_gradient_flows_to_the_weights():
    weights = WEIGHTS.clone().requires_grad_()
    margin_mse(STUDENT.clone().requires_grad_(), TEACHER, weights=weights).backward()
    assert weights.grad is None


@pytest.mark.parametrize("loss", [margin_mse, pointwise_mse])
def test_weights_of_another_shape(loss):
    with pytest.raises(ValueError, match=r"weights must be \[5, 4\] as the logits; got \[5, 3\]"):
        loss(STUDENT, TEACHER, weights=WEIGHTS[:, :3])


def test_labels_with_and_without_weights():
    assert split_labels(TEACHER) == (TEACHER, None)
    logits, weights = split_labels(torch.stack([TEACHER, WEIGHTS], dim=1))
    assert torch.equal(logits, TEACHER)
    assert torch.equal(weights, WEIGHTS)
    with pytest.raises(ValueError, match=r"got \[5, 3, 4\]"):
        split_labels(torch.zeros(5, 3, 4))


COLUMNS = [["read a file", "sort list"], ["read the text file", "sort words"], ["open a store", "delete a key"]]
LABELS = torch.tensor([[4.0, -1.0], [2.0, 0.5]])


def features_of(model, rows=2):
    tasks = ["query", "document", "document"]
    return [
        {**model.preprocess(texts[:rows], task=task), "task": task} for task, texts in zip(tasks, COLUMNS, strict=True)
    ]


@pytest.mark.parametrize("student", ["colbert", "splade"])
def test_the_students_losses_take_weights(tmp_path, student):
    if student == "colbert":
        model = build_colbert(ColbertSettings(model=tiny_encoder(tmp_path), dimension=8)).eval()
        loss = ColbertDistillationLoss(model, [MarginMSE()])
    else:
        model = build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path))).eval()
        loss = SpladeDistillationLoss(model, [PointwiseMSE()])
    plain = sum(loss(features_of(model), LABELS).values())
    ones = sum(loss(features_of(model), torch.stack([LABELS, torch.ones(2, 2)], dim=1)).values())
    assert torch.equal(plain, ones)
    first = sum(loss(features_of(model, rows=1), LABELS[:1]).values())
    alone = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    weighed = sum(loss(features_of(model), torch.stack([LABELS, alone], dim=1)).values())
    assert weighed.item() == pytest.approx(first.item(), rel=1e-4)
