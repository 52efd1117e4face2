"""The map from the teacher's scale to the student's: given, fitted or learned."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Affine", "LearnedAffine"]


@dataclass(frozen=True)
class Affine:
    """`scale * t + offset`, with a positive scale."""

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


class LearnedAffine(nn.Module):
    """`(s - offset) / scale`, from the student's scale back to the teacher's; both are learned, from the identity on.

    The scale stays above zero.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.offset = nn.Parameter(torch.zeros(()))

    def forward(self, student: Tensor) -> Tensor:
        return (student - self.offset) * (-self.log_scale).exp()

    def inverse(self) -> Affine:
        """As it stands, from the teacher's scale to the student's."""
        return Affine(self.log_scale.exp().item(), self.offset.item())
