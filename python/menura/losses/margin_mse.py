"""Margin MSE: a student's score differences must be the teacher's (Hofstätter et al. 2020, arXiv 2010.02666)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["Pairs", "margin_mse"]

Pairs = Literal["positive", "all"]


def margin_mse(student: Tensor, teacher: Tensor, *, pairs: Pairs = "positive") -> Tensor:
    """The mean over pairs of `((s_i - s_j) - (t_i - t_j))^2`.

    Args:
        student: scores `[B,N]`, N passages a query, at least two.
        teacher: raw logits `[B,N]` of the same passages; no gradient flows to them.
        pairs: ``"positive"``: the first passage against each other one. ``"all"``: every i < j.

    Returns:
        A scalar in the student's dtype. Scores may be shifted per query at will.

    Raises:
        ValueError: the shapes differ or there are fewer than two passages.
    """
    if student.shape != teacher.shape or student.dim() != 2 or student.shape[1] < 2:
        raise ValueError(
            "[margin_mse] student and teacher must both be [B,N] with N of 2 or more; "
            f"got {list(student.shape)} and {list(teacher.shape)}."
        )
    error = student - teacher.detach().to(student.dtype)
    if pairs == "positive":
        return (error[:, :1] - error[:, 1:]).square().mean()
    first, second = torch.triu_indices(student.shape[1], student.shape[1], offset=1, device=student.device)
    return (error[:, first] - error[:, second]).square().mean()
