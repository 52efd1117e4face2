"""Pointwise MSE with a learned map between the scales."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from menura.losses import PointwiseMSE, pointwise_mse

GENERATOR = torch.Generator().manual_seed(0)
TEACHER = torch.randn(16, 3, generator=GENERATOR, dtype=torch.float64)


def batch(scores, weights=None):
    return SimpleNamespace(scores=scores, logits=TEACHER, weights=weights)


def learned():
    return PointwiseMSE(learn_calibration=True).double()


def test_it_starts_as_the_fitted_one():
    student = torch.randn(16, 3, generator=GENERATOR, dtype=torch.float64)
    weights = torch.rand(16, 3, generator=GENERATOR, dtype=torch.float64)
    expected = pointwise_mse(student, TEACHER, weights=weights)
    assert torch.equal(learned()(batch(student, weights)), expected)
    assert torch.equal(PointwiseMSE()(batch(student, weights)), expected)
    assert not list(PointwiseMSE().parameters())


def test_it_finds_the_map():
    objective = learned()
    student = 3 * TEACHER - 2
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        objective(batch(student)).backward()
        optimizer.step()
    found = objective.calibration.inverse()
    assert (found.scale, found.offset) == (pytest.approx(3, rel=1e-2), pytest.approx(-2, rel=1e-2))
    assert str(found) in objective.get_config_dict()["calibration"]


def test_gradients_of_the_student_and_of_the_map():
    objective = learned()
    with torch.no_grad():
        objective.calibration.log_scale.fill_(0.7)
        objective.calibration.offset.fill_(-0.4)
    student = torch.randn(16, 3, generator=GENERATOR, dtype=torch.float64, requires_grad=True)
    scale, offset = objective.calibration.log_scale.exp().item(), -0.4
    expected = (((student - offset) / scale - TEACHER) ** 2).mean()
    assert objective(batch(student)).item() == pytest.approx(expected.item(), rel=1e-12)

    def loss(scores, log_scale, offset):
        values = {"calibration.log_scale": log_scale, "calibration.offset": offset}
        return torch.func.functional_call(objective, values, (batch(scores),))

    inputs = (student, *(parameter.detach().requires_grad_() for parameter in objective.parameters()))
    torch.autograd.gradcheck(loss, inputs)


def test_shrinking_to_nothing_is_no_way_out():
    objective = learned()
    losses = []
    for scale in (1.0, 1e-3, 1e-6):
        with torch.no_grad():
            objective.calibration.log_scale.fill_(torch.tensor(scale).log())
        noise = torch.randn(16, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        losses.append(objective(batch(scale * (TEACHER + noise))).item())
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)
