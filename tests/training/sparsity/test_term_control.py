"""The closed loop on simulated students: how their count answers to the weight, and how fast."""

from __future__ import annotations

import json
import math
import random
from dataclasses import asdict, dataclass, field

import pytest

from menura.training.sparsity import TermControl


def learning_rate(step, steps):
    """As a part of its highest: a warm-up, then a fall to zero."""
    return min(1.0, 10 * (step + 1) / steps, 1.1 * (1 - step / steps))


@dataclass
class Plant:
    """A student whose count settles at `start (1 + weight / half)^-slope`, behind a momentum and a learning rate.

    Its penalty is `scale` at the start and falls with the count; the rest of its loss is 12.
    """

    start: float = 110
    slope: float = 0.8
    half: float = 1.0
    lag: float = 4
    noise: float = 0.1
    scale: float = 6.0
    random: random.Random = field(default_factory=lambda: random.Random(0))

    def run(self, control, steps):
        count, momentum, counts = math.log(self.start), 0.0, []
        for step in range(steps):
            measured = math.exp(count + self.random.gauss(0, self.noise))
            rate = learning_rate(step, steps)
            penalty = self.scale * (math.exp(count) / self.start) ** 1.3
            control.update(measured, 12.0, penalty, steps=steps, response=rate)
            settled = math.log(self.start) - self.slope * math.log1p(control.share / self.half)
            momentum = 0.9 * momentum + 0.1 * (settled - count) / self.lag
            count += momentum * rate
            counts.append(math.exp(count))
        return counts


@dataclass
class PulledPlant:
    """A student under Adam: the penalty pushes its count down, at most so fast, and the task pulls it up again.

    The numbers are fitted to six trainings of the 2-layer SPLADE with budgets of 12, 25 and 50 terms.
    """

    half: float = 25.0
    fastest: float = 0.32
    pull: float = 0.12
    momentum: float = 0.926
    noise: float = 0.06
    random: random.Random = field(default_factory=lambda: random.Random(0))

    def run(self, control, steps):
        count, speed, counts = math.log(90), 0.0, []
        for step in range(steps):
            measured = math.exp(count + self.random.gauss(0, self.noise))
            rate = learning_rate(step, steps)
            control.update(measured, 28.0, 7.5 * (math.exp(count) / 90) ** 2, steps=steps, response=rate)
            weight = control.share / self.half * math.exp(count) / 90
            push = self.fastest * weight / math.hypot(1, weight)
            speed = self.momentum * speed + (1 - self.momentum) * (self.pull * (math.log(81) - count) - push)
            count += speed * rate
            counts.append(math.exp(count))
        return counts


@pytest.mark.parametrize("steps", [144, 300])
@pytest.mark.parametrize("budget", [12, 25, 50])
@pytest.mark.parametrize("half", [12.0, 25.0, 50.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_budget_is_reached_by_a_student_that_is_pulled_back(steps, budget, half, seed):
    counts = PulledPlant(half=half, random=random.Random(seed)).run(TermControl(budget), steps)
    assert counts[-1] == pytest.approx(budget, rel=0.1)
    assert min(counts) > 0.6 * budget, "far below the budget, terms die"


@pytest.mark.parametrize("steps", [150, 1000])
@pytest.mark.parametrize(("start", "budget"), [(110, 50), (110, 100), (5000, 200)])
@pytest.mark.parametrize("half", [1e-4, 1e-2, 1.0, 100.0])
def test_the_budget_is_reached_whatever_the_scale_of_weights(steps, start, budget, half):
    # FLOPS at the start stands in proportion to what a weight does, as gradients do.
    plant = Plant(start=start, half=half, scale=6.0 / half)
    counts = plant.run(TermControl(budget), steps)
    assert counts[-1] == pytest.approx(budget, rel=0.1)
    assert sum(counts[-steps // 10 :]) / (steps // 10) == pytest.approx(budget, rel=0.1)
    assert min(counts) > 0.6 * budget, "far below the budget, terms die"


@pytest.mark.parametrize(("slope", "lag"), [(0.4, 4), (0.4, 12), (0.8, 12), (1.6, 4), (1.6, 12)])
@pytest.mark.parametrize("off", [0.1, 10.0])
def test_slow_and_quick_students_and_a_first_weight_that_is_far_off(slope, lag, off):
    counts = Plant(slope=slope, lag=lag, scale=6.0 * off).run(TermControl(50), 300)
    assert counts[-1] == pytest.approx(50, rel=0.1)


def test_a_start_below_the_budget_is_left_alone():
    control = TermControl(200)
    counts = Plant(start=110, noise=0.02).run(control, 200)
    assert control.share == 0
    assert counts[-1] == pytest.approx(110, rel=0.05)


def test_a_start_just_below_the_budget_ends_without_a_penalty():
    control = TermControl(130)
    Plant(start=110, noise=0.0).run(control, 400)
    assert control.share == 0


def test_the_target_comes_down_and_stays():
    control = TermControl(50)
    targets = []
    for _ in range(100):
        control.update(800.0, 1.0, 1.0, steps=100)
        targets.append(math.exp(control.target(100)))
    assert targets[4] == pytest.approx(800)
    assert targets[39] == pytest.approx(100)  # half of the time, three quarters of the way, in logarithms
    assert targets[74:] == pytest.approx([50] * 26)
    assert targets[4:] == sorted(targets[4:], reverse=True)


def test_a_collapse_takes_the_penalty_off_at_once_and_nothing_winds_up():
    control = TermControl(50)
    for _ in range(100):
        control.update(100.0, 1.0, 1.0, steps=200)
    assert control.share > 0
    highest = control.share
    for _ in range(10):
        control.update(0.0, 1.0, 0.0, steps=200)
    assert control.share == 0
    for _ in range(50):
        control.update(0.0, 1.0, 0.0, steps=200)
    for _ in range(20):
        control.update(100.0, 1.0, 1.0, steps=200)
    assert 0 < control.share < 10 * highest, "it acts again soon after"


def test_a_student_that_does_not_answer_has_a_bounded_weight():
    control = TermControl(50)
    for _ in range(3000):
        control.update(1000.0, 2.0, 4.0, steps=3000)
    assert control.share == pytest.approx(0.2 * 2 / 4 * 1e4)


def test_its_state_is_numbers_and_goes_on_the_same():
    rows = random.Random(1)
    measured = [(rows.uniform(40, 400), rows.uniform(1, 9), rows.uniform(0.1, 2)) for _ in range(60)]
    whole, first = TermControl(50), TermControl(50)
    for values in measured:
        whole.update(*values, steps=60)
    for stop in (2, 30):
        first = TermControl(50)
        for values in measured[:stop]:
            first.update(*values, steps=60)
        second = TermControl(**json.loads(json.dumps(asdict(first))))
        for values in measured[stop:]:
            second.update(*values, steps=60)
        assert second == whole


def test_a_start_without_a_penalty_or_a_term():
    control = TermControl(5)
    for _ in range(20):
        control.update(0.0, 1.0, 0.0, steps=20)
    assert control.share == 0
