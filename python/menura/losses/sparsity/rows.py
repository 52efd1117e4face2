"""Rows of vocabulary vectors, dense or CSR."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["active_terms", "active_texts", "keep_rows", "row_sums"]


def active_terms(activations: Tensor) -> Tensor:
    """How many entries of each row are not zero: `[R,V]` -> `[R]`, in float64 and without gradient."""
    activations = activations.detach()
    if activations.layout == torch.strided:
        return activations.count_nonzero(dim=1).double()
    active = activations.values().ne(0).double()
    return active.new_zeros(activations.shape[0]).index_add(0, _rows_of_entries(activations), active)


def active_texts(activations: Tensor) -> Tensor:
    """In how many rows each entry is not zero: `[R,V]` -> `[V]`, in float64 and without gradient."""
    activations = activations.detach()
    if activations.layout == torch.strided:
        return activations.count_nonzero(dim=0).double()
    active = activations.values().ne(0).double()
    return active.new_zeros(activations.shape[1]).index_add(0, activations.col_indices(), active)


def row_sums(activations: Tensor) -> Tensor:
    """`sum_v |x_bv|`: `[R,V]` -> `[R]`."""
    if activations.layout == torch.strided:
        return activations.abs().sum(1)
    values = activations.values().abs()
    return values.new_zeros(activations.shape[0]).index_add(0, _rows_of_entries(activations), values)


def keep_rows(activations: Tensor, keep: Tensor) -> Tensor:
    """`activations` `[R,V]` with rows of zeros where `keep` `[R]` is false."""
    if activations.layout == torch.strided:
        return activations.where(keep[:, None], 0)
    values = activations.values().where(keep[_rows_of_entries(activations)], 0)
    return torch.sparse_csr_tensor(activations.crow_indices(), activations.col_indices(), values, activations.shape)


def _rows_of_entries(activations: Tensor) -> Tensor:
    rows = torch.arange(activations.shape[0], device=activations.device)
    return rows.repeat_interleave(activations.crow_indices().diff())
