"""What a batch's `label` column holds: the teacher's logits, and perhaps how much each counts."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.losses.gathering import mean_over_processes

__all__ = ["split_labels", "weighted_mean"]


def split_labels(labels: Tensor) -> tuple[Tensor, Tensor | None]:
    """Logits `[B,N]` and weights `[B,N]` of labels `[B,2,N]`; labels `[B,N]` are logits, and all count the same.

    Raises:
        ValueError: labels of another shape.
    """
    if labels.dim() == 2:
        return labels, None
    if labels.dim() == 3 and labels.shape[1] == 2:
        return labels[:, 0], labels[:, 1]
    raise ValueError(f"[labels] labels must be [B,N] logits or [B,2,N] logits and weights; got {list(labels.shape)}.")


def weighted_mean(errors: Tensor, weights: Tensor | None) -> Tensor:
    """`sum w e / sum w`; the plain mean where `weights` is None, and zero where all weights are.

    Of several processes the mean of their values is the weighted mean of all their errors.
    """
    weights = torch.ones_like(errors) if weights is None else weights.detach().to(errors.dtype)
    total = mean_over_processes(weights.sum())
    return (weights * errors).sum() / total.where(total > 0, 1)
