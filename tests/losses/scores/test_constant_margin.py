"""A constant margin against squares spelled out."""

from __future__ import annotations

import pytest
import torch

from menura.losses import ConstantMargin, constant_margin

STUDENT = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, -1.0]], dtype=torch.float64)
WEIGHTS = torch.tensor([[1.0, 0.5, 0.0], [0.3, 1.0, 0.7]], dtype=torch.float64)


@pytest.mark.parametrize("margin", [1.0, 2.5])
def test_against_squares_spelled_out(margin):
    pairs = [(b, n) for b in (0, 1) for n in (1, 2)]
    squares = [(STUDENT[b, 0] - STUDENT[b, n] - margin).item() ** 2 for b, n in pairs]
    assert constant_margin(STUDENT, margin=margin).item() == pytest.approx(sum(squares) / 4, rel=1e-12)
    counts = [(WEIGHTS[b, 0] * WEIGHTS[b, n]).item() for b, n in pairs]
    weighed = sum(count * square for count, square in zip(counts, squares, strict=True)) / sum(counts)
    assert constant_margin(STUDENT, margin=margin, weights=WEIGHTS).item() == pytest.approx(weighed, rel=1e-12)


def test_gradients():
    student = STUDENT.clone().requires_grad_()
    torch.autograd.gradcheck(lambda s: constant_margin(s, weights=WEIGHTS), student)
    constant_margin(student, weights=WEIGHTS).backward()
    assert student.grad[0, 2] == 0


def test_more_than_the_margin_is_an_error_too():
    scores = torch.tensor([[5.0, 4.0], [5.0, 3.0]])
    assert [constant_margin(row[None]).item() for row in scores] == [0, 1]


def test_errors():
    with pytest.raises(
        ValueError, match=r"\[constant_margin\] student must be \[B,N\] with N of 2 or more; got \[2, 1"
    ):
        constant_margin(torch.rand(2, 1))
    with pytest.raises(ValueError, match=r"\[constant_margin\] weights must be \[2, 3\] as the logits; got \[3\]"):
        constant_margin(STUDENT, weights=torch.ones(3))


def test_the_model_card_says_how_much():
    assert ConstantMargin(margin=2.0).get_config_dict() == {"weight": 1.0, "margin": 2.0}
