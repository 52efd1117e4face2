"""RankNet against pairs spelled out, and what has no order."""

from __future__ import annotations

import math

import pytest
import torch

from menura.losses import RankNet, ranknet

STUDENT = torch.tensor([[3.0, 1.0, 2.0, 0.5], [0.0, 5.0, -1.0, 4.0]], dtype=torch.float64)
# Two equal scores in the second list.
TEACHER = torch.tensor([[2.0, -1.0, 1.5, 0.0], [4.0, 3.0, 3.0, -2.0]], dtype=torch.float64)
WEIGHTS = torch.tensor([[1.0, 0.5, 0.0, 2.0], [0.3, 1.0, 1.0, 0.7]], dtype=torch.float64)


def spelled_out(pairs, temperature=1.0, *, by_margin=False, weights=None):
    above = below = 0.0
    for b in range(2):
        for i in range(4):
            for j in range(4):
                margin = (TEACHER[b, i] - TEACHER[b, j]).item()
                if margin <= 0 or (pairs == "positive" and 0 not in (i, j)):
                    continue
                count = (margin if by_margin else 1) * (
                    1 if weights is None else (weights[b, i] * weights[b, j]).item()
                )
                above += count * math.log1p(math.exp(-(STUDENT[b, i] - STUDENT[b, j]).item() / temperature))
                below += count
    return above / below


@pytest.mark.parametrize("pairs", ["positive", "all"])
@pytest.mark.parametrize("by_margin", [False, True])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_against_pairs_spelled_out(pairs, by_margin, weights):
    found = ranknet(STUDENT, TEACHER, pairs=pairs, temperature=2.0, weigh_margins=by_margin, weights=weights)
    assert found.item() == pytest.approx(spelled_out(pairs, 2.0, by_margin=by_margin, weights=weights), rel=1e-12)


@pytest.mark.parametrize("by_margin", [False, True])
def test_gradients(by_margin):
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    torch.autograd.gradcheck(lambda s: ranknet(s, TEACHER, weigh_margins=by_margin, weights=WEIGHTS), student)
    ranknet(student, teacher, weigh_margins=by_margin, weights=WEIGHTS).backward()
    assert teacher.grad is None
    assert student.grad[0, 2] == 0


def test_only_the_order_counts_and_with_margins_only_their_proportion():
    assert torch.equal(ranknet(STUDENT, TEACHER), ranknet(STUDENT, TEACHER**3))
    louder = ranknet(STUDENT, 10 * TEACHER - 3, weigh_margins=True)
    assert louder.item() == pytest.approx(ranknet(STUDENT, TEACHER, weigh_margins=True).item())


@pytest.mark.parametrize("by_margin", [False, True])
def test_a_teacher_without_an_order_teaches_nothing(by_margin):
    student = STUDENT.clone().requires_grad_()
    loss = ranknet(student, torch.ones_like(TEACHER), weigh_margins=by_margin)
    loss.backward()
    assert loss == 0
    assert student.grad.count_nonzero() == 0


@pytest.mark.parametrize("by_margin", [False, True])
def test_a_score_that_is_not_a_number_is_not_passed_over(by_margin):
    teacher = TEACHER.clone()
    teacher[0, 1] = math.nan
    assert ranknet(STUDENT, teacher, weigh_margins=by_margin).isnan()


def test_far_from_the_order_it_grows_like_a_line():
    assert ranknet(torch.tensor([[-1e4, 0.0]]), torch.tensor([[1.0, 0.0]])).item() == pytest.approx(1e4)


def test_errors():
    with pytest.raises(ValueError, match=r"\[ranknet\] student and teacher must both be \[B,N\] with N of 2 or more"):
        ranknet(torch.rand(2, 1), torch.rand(2, 1))
    with pytest.raises(ValueError, match=r"\[ranknet\] weights must be \[2, 4\] as the logits; got \[2\]"):
        ranknet(STUDENT, TEACHER, weights=torch.ones(2))
    with pytest.raises(ValueError, match=r"\[ranknet\] temperature must be above 0; got 0"):
        ranknet(STUDENT, TEACHER, temperature=0)
    with pytest.raises(ValueError, match="pairs must be one of positive, all; got 'every'"):
        ranknet(STUDENT, TEACHER, pairs="every")


def test_the_model_card_says_how():
    card = RankNet(pairs="positive", temperature=0.5, weigh_margins=True, weight=2.0).get_config_dict()
    assert card == {"weight": 2.0, "pairs": "positive", "temperature": 0.5, "weigh_margins": True}
