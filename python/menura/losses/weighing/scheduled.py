"""Weights that change over a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

__all__ = ["Schedule", "ScheduledWeight"]

Schedule = Literal["linear", "cosine", "steps"]


@dataclass
class ScheduledWeight:
    """From `start` to `end` while `progress`, which whoever trains sets, goes from 0 to 1.

    Args:
        schedule: ``linear``; ``cosine``, slow at both ends; ``steps``, so many equal `stages`, the first at `start` and
            the last at `end`.

    Raises:
        ValueError: a weight is negative or not finite, or there are fewer than two stages.
    """

    start: float
    end: float
    schedule: Schedule = "linear"
    stages: int = 2
    progress: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if not all(math.isfinite(weight) and weight >= 0 for weight in (self.start, self.end)):
            raise ValueError(f"[losses] a weight must be 0 or more; got {self.start} and {self.end}.")
        if self.stages < 2:
            raise ValueError(f"[losses] a schedule in steps needs two stages or more; got {self.stages}.")

    @property
    def value(self) -> float:
        """What the loss is multiplied by now."""
        return self.start + (self.end - self.start) * self._share()

    def __call__(self, loss: Tensor) -> Tensor:
        return self.value * loss

    def _share(self) -> float:
        if self.schedule == "cosine":
            return (1 - math.cos(math.pi * self.progress)) / 2
        if self.schedule == "steps":
            return min(int(self.progress * self.stages), self.stages - 1) / (self.stages - 1)
        return self.progress
