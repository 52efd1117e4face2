"""L1: the mass of a text's activations (SPLADE's queries in Lassance and Clinchant 2022, arXiv 2207.03834)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from menura.losses.sparsity.regularizer import Regularizer, Side
from menura.losses.sparsity.rows import row_sums

__all__ = ["L1", "l1"]


def l1(activations: Tensor) -> Tensor:
    """`mean_b sum_v |x_bv|` of `[B,V]`, dense or CSR; a scalar in their dtype. Its expectation knows no batch size."""
    return row_sums(activations).mean()


class L1(Regularizer):
    """`l1` of one side; `options` are those of `Regularizer`."""

    def __init__(self, side: Side, *, weight: float, **options: Any) -> None:
        super().__init__(side, "l1", weight=weight, **options)

    def penalty(self, activations: Tensor) -> Tensor:
        return l1(activations)
