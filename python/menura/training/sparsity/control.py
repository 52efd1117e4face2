"""The closed loop that finds a penalty's weight."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["FEWEST_TERMS", "TermControl"]

# The first steps only measure, at most so many and at most this part of all.
MEASURED, MEASURED_PART = 10, 1 / 20
# Then the target moves for this part of all steps, ever more slowly, and stays.
DESCENT, LANDING = 0.7, 2
# The count is smoothed over this part of all steps, an error is integrated over that, each over so many at least.
SMOOTHING, FEWEST_SMOOTHED = 1 / 100, 2.0
INTEGRATION, FEWEST_INTEGRATED = 1 / 10, 10.0
GAIN = 1.75
# The first weight makes the penalty this part of the loss; later ones are between e^LOWEST and e^HIGHEST of it.
FIRST = 0.2
LOWEST, HIGHEST = -3.0, math.log(1e4)
FASTEST = 1.0
# An error counts the more the less the learning rate can still mend, down to this part of it.
WEAKEST = 0.3
# The penalty is off where the count is below the target by this factor.
BRAKE = 1.5
# A logarithm needs a count.
FEWEST_TERMS = 0.1


@dataclass
class TermControl:
    """Finds the `share` of a penalty at which texts have `budget` active terms on average, in use.

    The target goes down from the count at the start to the budget, as a parabola of logarithms, for the first part
    of the training; a start below the budget has the budget for its target. What acts on the error, the
    logarithm of count over target, is proportional and integral control of the weight's logarithm: that is as fast at
    1e-6 as at 10. As the learning rate falls, a weight moves the count less, so it is moved more. The first weight is
    taken from the size of loss and penalty, so their scales do not matter.

    Nothing winds up: the weight's logarithm has bounds, at the lower of which the penalty is off. It fades at
    once where the count falls below the target, because texts that have lost all their terms cannot come back.

    All of it are numbers that depend on what `update` was given, so a copy goes on as the original would. Whoever knows
    better than 0 sets `served`, the logarithm of terms in use over terms in a step.
    """

    budget: int
    share: float = 0.0
    served: float = 0.0
    step: int = 0
    smoothed: float = 0.0
    start: float = 0.0
    error: float = 0.0
    base: float = 0.0
    level: float = 0.0
    loss_seen: float = 0.0
    penalty_seen: float = 0.0

    def update(self, terms: float, loss: float, penalty: float, *, steps: int, response: float = 1.0) -> None:
        """Set `share` for the next step.

        Args:
            terms: the mean number of active terms in this step.
            loss: what all other objectives added to the loss.
            penalty: what the penalty would have added at a share of 1.
            steps: of the whole training.
            response: the learning rate in this step, as a part of its highest.
        """
        self.step += 1
        count = math.log(max(terms, FEWEST_TERMS)) + self.served
        if self.step <= _measured(steps):
            self._measure(count, loss, penalty)
            if self.step == _measured(steps):
                self.start = self.smoothed
                self.base = FIRST * self.loss_seen / self.penalty_seen if self.penalty_seen > 0 else 1.0
                self.error = self.smoothed - self.target(steps)
                self.share = self.base * self._brake()
            return
        longer = max(FEWEST_INTEGRATED, INTEGRATION * steps)
        self.smoothed += (count - self.smoothed) / max(FEWEST_SMOOTHED, SMOOTHING * steps)
        error = self.smoothed - self.target(steps)
        integrated = error / longer
        change = GAIN * (error - self.error + integrated) / min(1.0, max(WEAKEST, response))
        self.level = min(HIGHEST, max(LOWEST, self.level + min(FASTEST, max(-FASTEST, change))))
        self.error = error
        self.share = self.base * math.exp(self.level) * self._brake() if self.level > LOWEST else 0.0

    @property
    def begun_above(self) -> bool:
        """Whether texts had more terms than the budget at the start."""
        return self.start > math.log(self.budget)

    def target(self, steps: int) -> float:
        """The logarithm of the count aimed at in this step."""
        budget = math.log(self.budget)
        if not self.begun_above:
            return budget
        left = max(0.0, 1 - (self.step - _measured(steps)) / (DESCENT * steps))
        return budget + (self.start - budget) * left**LANDING

    def _measure(self, count: float, loss: float, penalty: float) -> None:
        self.smoothed += (count - self.smoothed) / self.step
        self.loss_seen += abs(loss)
        self.penalty_seen += penalty

    def _brake(self) -> float:
        """1 at the target and above it; falls to 0."""
        return min(1.0, max(0.0, (BRAKE - math.exp(-self.error)) / (BRAKE - 1)))


def _measured(steps: int) -> int:
    return max(1, min(MEASURED, int(MEASURED_PART * steps)))
