"""Weights by homoscedastic uncertainty (Kendall, Gal, Cipolla 2018, arXiv 1705.07115)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["LearnedWeight"]


class LearnedWeight(nn.Module):
    """`exp(-s) L + s / 2` of a loss L, where `s = log sigma^2` is learned with the student.

    It begins at `s = 0`, a weight of 1, and rests where `exp(-s) = 1 / (2 L)`: a task counts in inverse proportion to
    what is left of it. This is the paper's form for a classification; that of a regression has `L / 2` in the place of
    L and rests at another `s`. What it returns may be negative. For losses that are 0 or more: others have no such
    rest.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(()))

    @property
    def value(self) -> float:
        """What the loss is multiplied by now."""
        return float(torch.exp(-self.log_variance.detach()))

    def forward(self, loss: Tensor) -> Tensor:
        return torch.exp(-self.log_variance) * loss + self.log_variance / 2
