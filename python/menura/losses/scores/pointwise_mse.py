"""Regression on scores: the student's score must be the teacher's, up to a map between their scales."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from menura.losses.affine import Affine, LearnedAffine
from menura.losses.encoded import Encoded
from menura.losses.labels import weighted_mean
from menura.losses.objective import Objective
from menura.losses.scores.checks import check_shape
from menura.losses.weighing import Weight

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
    check_shape("pointwise_mse", student, teacher, weights)
    target = teacher.detach().to(student.dtype)
    return weighted_mean((student - (calibration or Affine())(target)).square(), weights)


class PointwiseMSE(Objective[Encoded]):
    """`pointwise_mse` of a batch, whose logits are on the student's scale as far as they are calibrated.

    With `learn_calibration` a scale and an offset are learned on top, from the identity on. The error is then measured
    on the teacher's side of that map, `((s - offset) / scale - t)^2`: on the student's, a scale and a student that both
    shrink to nothing would have none.
    """

    needs_logits = True

    def __init__(self, *, learn_calibration: bool = False, weight: Weight = 1.0) -> None:
        super().__init__("pointwise_mse", weight=weight)
        self.calibration = LearnedAffine() if learn_calibration else None

    def forward(self, encoded: Encoded) -> Tensor:
        scores = encoded.scores if self.calibration is None else self.calibration(encoded.scores)
        return pointwise_mse(scores, encoded.logits, weights=encoded.weights)

    def get_config_dict(self) -> dict[str, Any]:
        learned = {} if self.calibration is None else {"calibration": str(self.calibration.inverse())}
        return {**super().get_config_dict(), **learned}
