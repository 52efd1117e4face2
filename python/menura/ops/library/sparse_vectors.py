"""Vocabulary vectors as the kernels take them."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.library.calling import address, implement, library
from menura.ops.native import kernels

__all__ = ["contiguous", "inspect_csr", "rows_of", "vectors"]

# rows, values, crow, col, nnz, bytes an index (0: dense)
Argument = tuple[int, int, int, int, int, int]

library.define("inspect_csr(Tensor values, Tensor crow, Tensor col, int vocabulary) -> (bool, bool)")


def vectors(values: Tensor, crow: Tensor | None, col: Tensor | None) -> Argument:
    """The matrix whose components lie contiguous in memory."""
    if crow is None or col is None:
        return values.shape[0], address(values), 0, 0, 0, 0
    nnz = values.shape[0]
    return crow.shape[0] - 1, address(values), crow.data_ptr(), address(col), nnz, crow.element_size()


def contiguous(values: Tensor, crow: Tensor | None, col: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The components, copied only if they have strides. The caller holds them while a kernel reads them."""
    if crow is None or col is None:
        return values.contiguous(), None, None
    return values.contiguous(), crow.contiguous(), col.contiguous()


def rows_of(values: Tensor, crow: Tensor | None) -> int:
    """The number of rows."""
    return values.shape[0] if crow is None else crow.shape[0] - 1


def _inspect_csr_cpu(values: Tensor, crow: Tensor, col: Tensor, vocabulary: int) -> tuple[bool, bool]:
    return kernels.inspect_csr(vectors(*contiguous(values, crow, col)), vocabulary)


implement("inspect_csr", cpu=_inspect_csr_cpu)


def inspect_csr(values: Tensor, crow: Tensor, col: Tensor, shape: torch.Size) -> tuple[bool, bool]:
    """Whether the indices stay inside the matrix, which torch does not check; whether columns rise in every row."""
    if crow.shape[0] != shape[0] + 1 or col.shape[0] != values.shape[0] or crow.dtype != col.dtype:
        return False, False
    return _inspect_csr(values, crow, col, shape[1])


_inspect_csr = torch.ops.menura.inspect_csr.default
