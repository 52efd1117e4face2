"""FLOPS: what an inverted index would have to multiply (Paria et al. 2020, arXiv 2004.05665)."""

from __future__ import annotations

from torch import Tensor

from menura.losses.gathering import flops
from menura.losses.sparsity.regularizer import Regularizer, Side

__all__ = ["Flops"]


class Flops(Regularizer):
    """`menura.flops` of one side: the mean over all its texts in the global batch is taken before squaring."""

    def __init__(self, side: Side, *, weight: float) -> None:
        super().__init__(side, "flops", weight=weight)

    def penalty(self, activations: Tensor) -> Tensor:
        return flops(activations)
