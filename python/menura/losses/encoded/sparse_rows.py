"""Vocabulary vectors of which only the active entries are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from menura.losses.gathering import of_other_processes

__all__ = ["Entries", "Rows", "SparseRows", "active_entries", "as_matrix", "join_rows", "split_rows"]

# Rows and columns `[nnz]` of a matrix's entries, row by row.
Entries: TypeAlias = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class SparseRows:
    """A matrix `[R,V]`: `values` and `columns` `[nnz]` of its entries, row by row, of which row i has `counts[i]`.

    A CSR tensor is made of them anew for whoever asks, so that gradients of several users add up in the values: torch
    would add CSR matrices, and not in every precision.
    """

    values: Tensor
    counts: Tensor
    columns: Tensor
    width: int

    @classmethod
    def at(cls, entries: Entries, values: Tensor, shape: torch.Size) -> SparseRows:
        """The `[R,V]` that holds `values` at `entries`."""
        rows, columns = entries
        return cls(values, torch.bincount(rows, minlength=shape[0]), columns, shape[1])

    @classmethod
    def of(cls, matrix: Tensor) -> SparseRows:
        """What is not zero in a dense `[R,V]`."""
        entries = active_entries(matrix)
        return cls.at(entries, matrix[entries], matrix.shape)

    def csr(self) -> Tensor:
        """As a tensor."""
        starts = torch.cat([self.counts.new_zeros(1), self.counts.cumsum(0)])
        shape = len(self.counts), self.width
        return torch.sparse_csr_tensor(starts, self.columns, self.values, shape, check_invariants=False)

    def of_other_processes(self) -> SparseRows:
        """The rows of all other processes; nothing but entries travels."""
        return SparseRows(
            of_other_processes(self.values),
            of_other_processes(self.counts),
            of_other_processes(self.columns),
            self.width,
        )


Rows: TypeAlias = Tensor | SparseRows


def active_entries(matrix: Tensor) -> Entries:
    """Where a dense `[R,V]` is not zero; NaN is not."""
    rows, columns = matrix.detach().nonzero(as_tuple=True)
    return rows, columns


def as_matrix(rows: Rows) -> Tensor:
    """A tensor `[R,V]`, dense or CSR."""
    return rows if isinstance(rows, Tensor) else rows.csr()


def join_rows(parts: Sequence[Rows]) -> Rows:
    """All dense or all sparse, one below the other."""
    sparse = [part for part in parts if isinstance(part, SparseRows)]
    if not sparse:
        return torch.cat([as_matrix(part) for part in parts])
    return SparseRows(
        torch.cat([part.values for part in sparse]),
        torch.cat([part.counts for part in sparse]),
        torch.cat([part.columns for part in sparse]),
        sparse[0].width,
    )


def split_rows(rows: Rows, parts: int) -> list[Rows]:
    """`[N*B,V]` as N times `[B,V]`."""
    if isinstance(rows, Tensor):
        return list(rows.chunk(parts))
    counts = rows.counts.chunk(parts)
    sizes = [int(count.sum()) for count in counts]
    values, columns = rows.values.split(sizes), rows.columns.split(sizes)
    return [SparseRows(*part, rows.width) for part in zip(values, counts, columns, strict=True)]
