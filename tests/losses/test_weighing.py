"""Weights that are scheduled or learned."""

from __future__ import annotations

import math

import pytest
import torch

from menura.losses import LearnedWeight, MarginMSE, ScheduledWeight


def at(progress, *arguments):
    weight = ScheduledWeight(*arguments)
    weight.progress = progress
    return weight.value


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (("linear",), [1.0, 0.85, 0.7, 0.55, 0.4]),
        (("cosine",), [0.4 + 0.3 * (1 + math.cos(math.pi * p)) for p in (0, 0.25, 0.5, 0.75, 1)]),
        (("steps", 2), [1.0, 1.0, 0.4, 0.4, 0.4]),
        (("steps", 4), [1.0, 0.8, 0.6, 0.4, 0.4]),
    ],
)
def test_a_schedule_goes_from_one_weight_to_another(schedule, expected):
    assert [at(p, 1.0, 0.4, *schedule) for p in (0, 0.25, 0.5, 0.75, 1)] == pytest.approx(expected)


def test_a_scheduled_objective_counts_what_the_schedule_says():
    objective = MarginMSE(weight=ScheduledWeight(0.0, 4.0))
    objective.weight.progress = 0.5
    value = torch.tensor(3.0, requires_grad=True)
    objective.weigh(value).backward()
    assert value.grad.item() == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 0.0), "a weight must be 0 or more; got -1.0 and 0.0"),
        ((1.0, math.nan), "a weight must be 0 or more; got 1.0 and nan"),
        ((1.0, 0.0, "steps", 1), "two stages or more; got 1"),
    ],
)
def test_schedules_that_are_none(arguments, message):
    with pytest.raises(ValueError, match=message):
        ScheduledWeight(*arguments)


def test_a_learned_weight_begins_at_one_and_has_the_papers_gradient():
    weight = LearnedWeight().double()
    loss = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    assert weight(loss).item() == 3
    with torch.no_grad():
        weight.log_variance.fill_(0.7)
    assert weight(loss).item() == pytest.approx(math.exp(-0.7) * 3 + math.log(math.sqrt(math.exp(0.7))))

    def weighed(value, log_variance):
        return torch.func.functional_call(weight, {"log_variance": log_variance}, value)

    torch.autograd.gradcheck(weighed, (loss, torch.tensor(0.7, dtype=torch.float64, requires_grad=True)))


@pytest.mark.parametrize("loss", [0.05, 0.5, 5.0])
def test_a_learned_weight_rests_at_the_inverse_of_twice_the_loss(loss):
    weight = LearnedWeight()
    optimizer = torch.optim.Adam(weight.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        weight(torch.tensor(loss)).backward()
        optimizer.step()
    assert weight.value == pytest.approx(1 / (2 * loss), rel=0.02)


def test_the_model_card_says_what_an_objective_counts():
    assert MarginMSE(weight=2).get_config_dict()["weight"] == 2
    assert "start=1.0, end=0.0" in MarginMSE(weight=ScheduledWeight(1.0, 0.0)).get_config_dict()["weight"]
    assert MarginMSE(weight=LearnedWeight()).get_config_dict()["weight"] == "LearnedWeight()"
