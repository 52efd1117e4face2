"""Bringing the scores of each query to one range or spread."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from menura.losses.scores.checks import check_choice

__all__ = ["Normalization", "normalize"]

Normalization = Literal["none", "min_max", "z_score"]


def normalize(scores: Tensor, method: Normalization, counts: Tensor) -> Tensor:
    """Each row of `[B,N]` from 0 to 1 (``"min_max"``), or with mean 0 and standard deviation 1 (``"z_score"``).

    A score counts `counts[b,n]` times: not at all where that is zero. A row of equal scores has no spread to divide
    by, and becomes zeros. Gradients flow through what a row is divided by, too.

    Raises:
        ValueError: `method` is none of them.
    """
    check_choice("normalization", method, get_args(Normalization))
    if method == "none":
        return scores
    counted = counts > 0
    low = scores.masked_fill(~counted, torch.inf).amin(dim=1, keepdim=True)
    high = scores.masked_fill(~counted, -torch.inf).amax(dim=1, keepdim=True)
    if method == "min_max":
        return (scores - low) / (high - low).where(high != low, 1)
    total = counts.sum(dim=1, keepdim=True)
    centred = scores - (counts * scores).sum(dim=1, keepdim=True) / total
    variance = (counts * centred.square()).sum(dim=1, keepdim=True) / total
    # By the bounds: rounding gives equal scores a variance, and the root of zero has no gradient.
    return centred / variance.where(high != low, 1).sqrt()
