"""Regression on scores: the student's score must be the teacher's, up to a map between their scales."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from menura.losses.labels import weighted_mean

__all__ = ["Affine", "pointwise_mse"]


@dataclass(frozen=True)
class Affine:
    """The map from the teacher's scale to the student's: `scale * t + offset`, with a positive scale."""

    scale: float = 1.0
    offset: float = 0.0

    @classmethod
    def fit(cls, student: Tensor, teacher: Tensor) -> Affine:
        """The map that gives the teacher's scores `[N]` the mean and standard deviation of the student's.

        As SPLADE-v3 rescales its teachers (arXiv 2403.06789). Least squares would shrink the targets by the
        correlation of the two, and so ask a student that agrees little with its teacher to tell its passages apart
        less.

        Raises:
            ValueError: the shapes differ, or the teacher's scores are all the same.
        """
        if student.shape != teacher.shape or student.dim() != 1:
            raise ValueError(
                "[calibration] student and teacher must both be [N]; "
                f"got {list(student.shape)} and {list(teacher.shape)}."
            )
        student, teacher = student.double(), teacher.double()
        spread = teacher.std(correction=0)
        if not spread > 0:
            raise ValueError(f"[calibration] all {teacher.numel()} scores of the teacher are equal; nothing to fit.")
        scale = student.std(correction=0) / spread
        return cls(scale.item(), (student.mean() - scale * teacher.mean()).item())

    def __call__(self, teacher: Tensor) -> Tensor:
        return teacher * self.scale + self.offset


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
