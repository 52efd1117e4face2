"""Vocabulary vectors, dense or sparse, as the kernels take them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import NamedTuple, ParamSpec

import torch
from torch import Tensor

from menura.ops import library
from menura.ops.availability import has_kernels

__all__ = ["Vectors", "untraced_if_sparse", "vectors"]

P = ParamSpec("P")


def untraced_if_sparse(operator: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """`operator`, left out of the graph where an argument is sparse: torch.compile traces dense tensors only."""
    untraced = torch.compiler.disable(operator)

    @wraps(operator)
    def run(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        for argument in (*args, *kwargs.values()):
            if isinstance(argument, Tensor) and argument.layout != torch.strided:
                return untraced(*args, **kwargs)
        return operator(*args, **kwargs)

    return run


class Vectors(NamedTuple):
    """A matrix in ordinary dense tensors, which autograd and torch.library take without exception.

    Dense: values `[rows,V]`. CSR: values `[nnz]`, crow `[rows+1]`, col `[nnz]`.
    """

    values: Tensor
    crow: Tensor | None = None
    col: Tensor | None = None


def vectors(operator: str, name: str, shape: str, tensor: Tensor) -> Vectors:
    """The components of `tensor`, checked; the gradient of the values flows back to it in its own layout."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"[{operator}] {name} must be a torch.Tensor; got {type(tensor).__name__}.")
    if not tensor.dtype.is_floating_point:
        raise TypeError(f"[{operator}] {name} must be floating point; got {tensor.dtype}.")
    if tensor.dim() != 2:
        raise ValueError(f"[{operator}] {name} must be {shape}; got shape {list(tensor.shape)}.")
    if tensor.layout == torch.strided:
        return Vectors(tensor)
    if tensor.layout not in {torch.sparse_csr, torch.sparse_coo}:
        raise TypeError(f"[{operator}] {name} must be dense, CSR or COO; got layout {tensor.layout}.")
    if tensor.dense_dim():
        raise ValueError(f"[{operator}] {name} must store scalars; got {tensor.dense_dim()} dense axes.")
    if tensor.layout == torch.sparse_coo:
        tensor = tensor.coalesce().to_sparse_csr()
    values, crow, col = tensor.values(), tensor.crow_indices(), tensor.col_indices()
    if not has_kernels(tensor):
        return Vectors(values, crow, col)
    valid, ascending = library.inspect_csr(values, crow, col, tensor.shape)
    if not valid:
        raise ValueError(
            f"[{operator}] {name} is no valid CSR matrix of shape {list(tensor.shape)}: crow must rise from 0 to nnz, "
            f"col must lie in [0, {tensor.shape[1]})."
        )
    if not ascending and torch.is_grad_enabled() and tensor.grad_fn is not None:
        # torch's own backward from a CSR tensor to its values sorts them, in silence, and refuses repeated columns.
        raise ValueError(
            f"[{operator}] {name} was computed with gradient, and torch takes gradients back through a CSR tensor only "
            "if the columns of every row ascend; sort them and add up repeated ones."
        )
    return Vectors(values, crow, col)
