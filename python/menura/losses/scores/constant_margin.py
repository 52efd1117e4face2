"""Constant margin: the labelled passage must lie above each negative by a margin that no teacher was asked for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.losses.encoded import Encoded
from menura.losses.objective import Objective
from menura.losses.scores.checks import check_weights
from menura.losses.scores.margin_mse import margin_mse
from menura.losses.weighing import Weight

__all__ = ["ConstantMargin", "constant_margin"]


def constant_margin(student: Tensor, *, margin: float = 1.0, weights: Tensor | None = None) -> Tensor:
    """The mean over negatives of `((s_1 - s_j) - margin)^2`, weighed by `w_1 w_j`.

    Margin MSE (arXiv 2010.02666) with labels in the teacher's place: 0 for the negatives, `margin` for the first
    passage, the positive. A margin that is too large is an error as well, so scores keep their scale.

    Args:
        student: scores `[B,N]`, the positive first, at least one negative.
        weights: `[B,N]`, how much each passage counts, 0 or more. None: all the same.

    Returns:
        A scalar in the student's dtype; zero where no pair counts.

    Raises:
        ValueError: there are fewer than two passages, or the weights have another shape.
    """
    if student.dim() != 2 or student.shape[1] < 2:
        raise ValueError(f"[constant_margin] student must be [B,N] with N of 2 or more; got {list(student.shape)}.")
    check_weights("constant_margin", student, weights)
    labels = torch.zeros_like(student)
    labels[:, 0] = margin
    return margin_mse(student, labels, weights=weights)


class ConstantMargin(Objective[Encoded]):
    """`constant_margin` of a batch; asks for no logits."""

    def __init__(self, *, margin: float = 1.0, weight: Weight = 1.0) -> None:
        super().__init__("constant_margin", weight=weight)
        self.margin = margin

    def forward(self, encoded: Encoded) -> Tensor:
        return constant_margin(encoded.scores, margin=self.margin, weights=encoded.weights)

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "margin": self.margin}
