"""Columns of one batch side by side."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["stack_padded"]


def stack_padded(columns: list[Tensor]) -> Tensor:
    """N columns `[B,L_n,...]` of different lengths as `[B,N,L,...]`, padded with zeros."""
    length = max(column.shape[1] for column in columns)
    padded = [
        torch.cat([column, column.new_zeros(column.shape[0], length - column.shape[1], *column.shape[2:])], dim=1)
        for column in columns
    ]
    return torch.stack(padded, dim=1)
