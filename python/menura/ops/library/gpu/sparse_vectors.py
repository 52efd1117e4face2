"""Vocabulary vectors on a GPU: row by row, column by column, and spread out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from menura.kernels.launching import launch
from menura.kernels.postings import merge_repeated
from menura.kernels.tuning import tuning
from menura.ops.library.sparse_vectors import contiguous, rows_of

__all__ = ["Postings", "Vectors", "inspect_csr", "vectors"]


@dataclass(frozen=True)
class Postings:
    """The stored entries sorted by column, then by row; those of column c are `starts[c]` up to `starts[c + 1]`."""

    values: Tensor
    rows: Tensor
    columns: Tensor
    starts: Tensor
    order: Tensor  # where each of them is stored

    def merged(self) -> Tensor:
        """The value of every entry's place in the matrix, to which repeated entries add up."""
        merged, sizes = torch.empty_like(self.values), tuning("merge_repeated", self.values.dtype)
        entries = self.values.shape[0]
        launch(
            merge_repeated,
            (-(-entries // sizes.columns),),
            merged.device,
            self.values,
            self.columns,
            self.rows,
            merged,
            entries,
            ENTRIES=sizes.columns,
            **sizes.options,
        )
        return merged


@dataclass(frozen=True)
class Vectors:
    """A matrix `[rows,V]`: its values, and where they lie if it is CSR."""

    values: Tensor
    crow: Tensor | None
    col: Tensor | None
    vocabulary: int

    @property
    def rows(self) -> int:
        return rows_of(self.values, self.crow)

    def entry_rows(self) -> Tensor:
        """The row of every stored entry of a CSR matrix."""
        rows = torch.arange(self.rows, device=self.values.device)
        return rows.repeat_interleave(cast("Tensor", self.crow).diff(), output_size=self.values.shape[0])

    def by_column(self) -> Postings:
        """The stored entries of a CSR matrix in lists by column."""
        columns, order = cast("Tensor", self.col).sort(stable=True)
        starts = torch.searchsorted(columns, torch.arange(self.vocabulary + 1, device=columns.device))
        return Postings(self.values[order], self.entry_rows()[order], columns, starts, order)

    def dense_rows(self) -> Tensor:
        """`[rows,V]`; a CSR matrix is spread out."""
        if self.crow is None:
            return self.values
        dense, postings = self.values.new_zeros(self.rows, self.vocabulary), self.by_column()
        # Places that are stored twice are written twice, with one value.
        dense[postings.rows, postings.columns] = postings.merged()
        return dense

    def dense_columns(self) -> Tensor:
        """`[V,rows]`, column by column in memory."""
        if self.crow is None:
            return self.values.T.contiguous()
        dense, postings = self.values.new_zeros(self.vocabulary, self.rows), self.by_column()
        dense[postings.columns, postings.rows] = postings.merged()
        return dense


def vectors(values: Tensor, crow: Tensor | None, col: Tensor | None, vocabulary: int) -> Vectors:
    """The matrix as the launches take it: a dense one of any strides, a CSR one contiguous."""
    if crow is None:
        return Vectors(values, None, None, vocabulary)
    return Vectors(*contiguous(values, crow, col), vocabulary)


def inspect_csr(values: Tensor, crow: Tensor, col: Tensor, vocabulary: int) -> tuple[bool, bool]:
    entries = torch.arange(values.shape[0], device=col.device, dtype=crow.dtype)
    row = torch.searchsorted(crow[1:].contiguous(), entries, right=True)
    valid = (crow[0] == 0) & (crow[-1] == values.shape[0]) & (crow.diff() >= 0).all()
    valid &= ((col >= 0) & (col < vocabulary)).all()
    ascending = ((col.diff() > 0) | (row.diff() != 0)).all()
    valid, ascending = torch.stack([valid, ascending]).tolist()  # the one look at the values
    return valid, ascending
