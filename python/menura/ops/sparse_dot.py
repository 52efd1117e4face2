"""Dot products of sparse vocabulary vectors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.ops import library, reference
from menura.ops.availability import has_kernels
from menura.ops.checks import check_same_device, distinct, to_compute_dtype
from menura.ops.differentiation import first_order
from menura.ops.sparse_vectors import untraced_if_sparse, vectors

__all__ = ["sparse_dot"]


@untraced_if_sparse
def sparse_dot(queries: Tensor, documents: Tensor, *, pairwise: bool = False) -> Tensor:
    """Dot products of vocabulary vectors, with work in proportion to their non-zero entries.

    Args:
        queries: `[B,V]`, any floating dtype; dense of any strides, CSR (int32 or int64 indices, columns in any order,
            repeated ones add up) or COO.
        documents: `[N,V]`, likewise; `[B,V]` when `pairwise`.
        pairwise: score query i with document i only.

    Returns:
        `[B,N]`, or `[B]` when `pairwise`; float32 (float64 where an input is). A sum is accumulated in float64, on a
        GPU in float32. All layouts mean the same matrix: NaN propagates, also as 0 * NaN from entries that are not
        stored.

    The gradient of a dense input is that of the dense product. A CSR or COO input gets it on its stored entries, in
    its own layout; so do the values that it was made from by `torch.sparse_csr_tensor`.

    Raises:
        TypeError: an input is no floating-point tensor of these layouts.
        ValueError: shapes, devices or CSR indices do not fit.

    The backward is deterministic and cannot be differentiated again.
    """
    query, document = (
        vectors("sparse_dot", "queries", "[B,V]", queries),
        vectors("sparse_dot", "documents", "[N,V]", documents),
    )
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
    if not has_kernels(queries):
        return reference.sparse_dot(queries, documents, pairwise=pairwise)
    query_values, document_values = distinct(*to_compute_dtype(query.values, document.values))
    arguments = query_values, *query[1:], document_values, *document[1:], queries.shape[1], pairwise
    if torch.is_grad_enabled() and (query_values.requires_grad or document_values.requires_grad):
        scores: Tensor = _SparseDot.apply(*arguments)
        return scores
    return library.sparse_dot(*arguments, False)[0]


class _SparseDot(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        query_crow: Tensor | None,
        query_col: Tensor | None,
        documents: Tensor,
        document_crow: Tensor | None,
        document_col: Tensor | None,
        vocabulary: int,
        pairwise: bool,
    ) -> Tensor:
        sides = queries, query_crow, query_col, documents, document_crow, document_col
        scores, *bitmaps = library.sparse_dot(*sides, vocabulary, pairwise, True)
        ctx.save_for_backward(*sides, *bitmaps)
        ctx.sizes = vocabulary, pairwise
        return scores

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        *sides, query_bitmap, document_bitmap = ctx.saved_tensors
        needed = ctx.needs_input_grad[0], ctx.needs_input_grad[3]
        grad_queries, grad_documents = first_order(
            "sparse_dot",
            lambda: library.sparse_dot_backward(grad, *sides, *ctx.sizes, query_bitmap, document_bitmap, *needed),
            (grad, sides[0], sides[3]),
            needed,
        )
        return grad_queries, None, None, grad_documents, None, None, None, None
