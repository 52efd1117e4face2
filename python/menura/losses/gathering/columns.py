"""Sums down the columns of a batch's activations, those of all processes."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.losses.gathering.collectives import sum_over_processes

__all__ = ["column_sums", "row_count"]


def column_sums(activations: Tensor, *, power: int = 1) -> Tensor:
    """`sum_b |x_bv|^power` over the texts of all processes, summed in float64.

    Args:
        activations: `[R,V]` of this process, dense or CSR.
        power: 1 or 2.

    Returns:
        `[V]`, the same on every process.
    """
    if activations.layout == torch.strided:
        return sum_over_processes(activations.abs().pow(power).sum(0, dtype=torch.float64))
    values = activations.values().abs().pow(power).double()
    return sum_over_processes(values.new_zeros(activations.shape[1]).index_add(0, activations.col_indices(), values))


def row_count(activations: Tensor) -> int:
    """The texts of all processes."""
    return int(sum_over_processes(torch.tensor(activations.shape[0], device=activations.device)))
