"""Dot products of sparse vocabulary vectors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.ops import library, reference
from menura.ops.checks import check_floating, check_rank, check_same_device, distinct, to_compute_dtype
from menura.ops.differentiation import first_order
from menura.ops.native import has_kernels

__all__ = ["sparse_dot"]


def sparse_dot(queries: Tensor, documents: Tensor, *, pairwise: bool = False) -> Tensor:
    """Dot products of vocabulary vectors, with work in proportion to their non-zero entries.

    Args:
        queries: `[B,V]`, any floating dtype and strides.
        documents: `[N,V]`; `[B,V]` when `pairwise`.
        pairwise: score query i with document i only.

    Returns:
        `[B,N]`, or `[B]` when `pairwise`; float32 (float64 where an input is), each sum accumulated in float64.
        The gradient is that of the dense product, also by entries that are zero. NaN propagates.

    Raises:
        TypeError: an input is no dense floating-point tensor.
        ValueError: shapes or devices do not fit.

    The backward is deterministic and cannot be differentiated again.
    """
    check_floating("sparse_dot", queries=queries, documents=documents)
    check_rank("sparse_dot", queries, "queries", "[B,V]", 2)
    check_rank("sparse_dot", documents, "documents", "[N,V]", 2)
    if queries.shape[1] != documents.shape[1]:
        raise ValueError(
            f"[sparse_dot] queries and documents must share the vocabulary; got {queries.shape[1]} and "
            f"{documents.shape[1]}."
        )
    if pairwise and queries.shape[0] != documents.shape[0]:
        raise ValueError(
            "[sparse_dot] pairwise needs as many queries as documents; "
            f"got {queries.shape[0]} and {documents.shape[0]}."
        )
    check_same_device("sparse_dot", queries=queries, documents=documents)
    queries, documents = distinct(*to_compute_dtype(queries, documents))
    if not has_kernels(queries.device):
        return reference.sparse_dot(queries, documents, pairwise=pairwise)
    if torch.is_grad_enabled() and (queries.requires_grad or documents.requires_grad):
        scores: Tensor = _SparseDot.apply(queries, documents, pairwise)
        return scores
    return library.sparse_dot(queries, documents, pairwise)


class _SparseDot(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, documents: Tensor, pairwise: bool) -> Tensor:
        ctx.save_for_backward(queries, documents)
        ctx.pairwise = pairwise
        return library.sparse_dot(queries, documents, pairwise)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        needed, saved, pairwise = ctx.needs_input_grad[:2], ctx.saved_tensors, ctx.pairwise
        return *first_order(
            "sparse_dot", lambda: library.sparse_dot_backward(grad, *saved, pairwise, *needed), (grad, *saved), needed
        ), None
