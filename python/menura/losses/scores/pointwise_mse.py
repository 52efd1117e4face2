"""Regression on scores: the student's score must be the teacher's, up to a map between their scales."""

from __future__ import annotations

from torch import Tensor

from menura.losses.affine import Affine
from menura.losses.encoded import Encoded
from menura.losses.labels import weighted_mean
from menura.losses.objective import Objective

__all__ = ["PointwiseMSE", "pointwise_mse"]


def pointwise_mse(
    student: Tensor, teacher: Tensor, *, calibration: Affine | None = None, weights: Tensor | None = None
) -> Tensor:
    """The mean of `(s - calibration(t))^2` over all scores, weighed: `sum w e^2 / sum w`.

    Args:
        student: scores of any shape.
        teacher: raw logits of the same shape; no gradient flows to them.
        calibration: the map from the teacher's scale to the student's. None: they share one.
        weights: how much each score counts, 0 or more, of the same shape. None: all the same.

    Returns:
        A scalar in the student's dtype; zero where no score counts.

    Raises:
        ValueError: the shapes differ.
    """
    if student.shape != teacher.shape:
        raise ValueError(
            "[pointwise_mse] student and teacher must have one shape; "
            f"got {list(student.shape)} and {list(teacher.shape)}."
        )
    if weights is not None and weights.shape != teacher.shape:
        raise ValueError(
            f"[pointwise_mse] weights must be {list(teacher.shape)} as the logits; got {list(weights.shape)}."
        )
    target = teacher.detach().to(student.dtype)
    return weighted_mean((student - (calibration or Affine())(target)).square(), weights)


class PointwiseMSE(Objective[Encoded]):
    """`pointwise_mse` of a batch, whose logits are on the student's scale already."""

    def __init__(self, *, weight: float = 1.0) -> None:
        super().__init__("pointwise_mse", weight=weight)

    def forward(self, encoded: Encoded) -> Tensor:
        return pointwise_mse(encoded.scores, encoded.logits, weights=encoded.weights)
