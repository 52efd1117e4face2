"""Sparse dot products as PyTorch knows them."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.library.calling import address, implement, is_fp64, library
from menura.ops.library.memory import grad_like, grad_memory
from menura.ops.library.sparse_vectors import contiguous, rows_of, vectors
from menura.ops.native import kernels

__all__ = ["sparse_dot", "sparse_dot_backward", "sparse_dot_outputs"]

_SIDES = (
    "Tensor queries, Tensor? query_crow, Tensor? query_col, Tensor documents, Tensor? document_crow,"
    " Tensor? document_col, SymInt vocabulary, bool pairwise"
)
library.define(f"sparse_dot({_SIDES}, bool save_bitmaps) -> (Tensor, Tensor, Tensor)")
library.define(
    f"sparse_dot_backward(Tensor grad, {_SIDES}, Tensor query_bitmap, Tensor document_bitmap, bool need_queries,"
    " bool need_documents) -> (Tensor, Tensor)"
)


def _bitmap(values: Tensor, wanted: bool) -> Tensor:
    """Room for a bit for every entry of a dense matrix: which of them are not zero."""
    shape = (values.shape[0], (values.shape[1] + 63) // 64) if wanted else (0,)
    return values.new_empty(shape, dtype=torch.int64)


def sparse_dot_outputs(
    queries: Tensor,
    query_crow: Tensor | None,
    documents: Tensor,
    document_crow: Tensor | None,
    pairwise: bool,
    save_bitmaps: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    count = rows_of(queries, query_crow)
    shape = (count,) if pairwise else (count, rows_of(documents, document_crow))
    save_bitmaps = save_bitmaps and not pairwise
    return (
        queries.new_empty(shape),
        _bitmap(queries, save_bitmaps and query_crow is None),
        _bitmap(documents, save_bitmaps and document_crow is None),
    )


def _sparse_dot_cpu(
    queries: Tensor,
    query_crow: Tensor | None,
    query_col: Tensor | None,
    documents: Tensor,
    document_crow: Tensor | None,
    document_col: Tensor | None,
    vocabulary: int,
    pairwise: bool,
    save_bitmaps: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    outputs = sparse_dot_outputs(queries, query_crow, documents, document_crow, pairwise, save_bitmaps)
    query = contiguous(queries, query_crow, query_col)
    document = contiguous(documents, document_crow, document_col)
    scores, *bitmaps = map(address, outputs)
    kernels.sparse_dot_forward(
        is_fp64(queries), (vocabulary, pairwise), vectors(*query), vectors(*document), tuple(bitmaps), scores
    )
    return outputs


def _sparse_dot_backward_cpu(
    grad: Tensor,
    queries: Tensor,
    query_crow: Tensor | None,
    query_col: Tensor | None,
    documents: Tensor,
    document_crow: Tensor | None,
    document_col: Tensor | None,
    vocabulary: int,
    pairwise: bool,
    query_bitmap: Tensor,
    document_bitmap: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    grads = grad_memory(queries, need_queries), grad_memory(documents, need_documents)
    grad = grad.contiguous()
    query = contiguous(queries, query_crow, query_col)
    document = contiguous(documents, document_crow, document_col)
    kernels.sparse_dot_backward(
        is_fp64(queries),
        (vocabulary, pairwise),
        vectors(*query),
        vectors(*document),
        (address(query_bitmap), address(document_bitmap)),
        address(grad),
        *map(address, grads),
    )
    return grads


implement("sparse_dot", cpu=_sparse_dot_cpu)
implement("sparse_dot_backward", cpu=_sparse_dot_backward_cpu)


@torch.library.register_fake("menura::sparse_dot")
def _sparse_dot_fake(
    queries: Tensor,
    query_crow: Tensor | None,
    query_col: Tensor | None,
    documents: Tensor,
    document_crow: Tensor | None,
    document_col: Tensor | None,
    vocabulary: int,
    pairwise: bool,
    save_bitmaps: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    return sparse_dot_outputs(queries, query_crow, documents, document_crow, pairwise, save_bitmaps)


@torch.library.register_fake("menura::sparse_dot_backward")
def _sparse_dot_backward_fake(
    grad: Tensor,
    queries: Tensor,
    query_crow: Tensor | None,
    query_col: Tensor | None,
    documents: Tensor,
    document_crow: Tensor | None,
    document_col: Tensor | None,
    vocabulary: int,
    pairwise: bool,
    query_bitmap: Tensor,
    document_bitmap: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    return grad_like(queries, need_queries), grad_like(documents, need_documents)


# Bound once: resolving `torch.ops.menura.X.default` at every call costs microseconds.
sparse_dot = torch.ops.menura.sparse_dot.default
sparse_dot_backward = torch.ops.menura.sparse_dot_backward.default
