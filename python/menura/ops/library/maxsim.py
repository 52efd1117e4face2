"""MaxSim as PyTorch knows it."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.library.calling import address, argmax_dtype, grad_like, indices, is_fp64, library, rows
from menura.ops.native import kernels

__all__ = ["maxsim", "maxsim_backward"]

library.define(
    "maxsim(Tensor queries, Tensor documents, Tensor? query_mask, Tensor? document_mask, bool save_argmax)"
    " -> (Tensor, Tensor)"
)
library.define(
    "maxsim_backward(Tensor grad, Tensor queries, Tensor documents, Tensor? query_mask, Tensor? document_mask,"
    " Tensor argmax, bool need_queries, bool need_documents) -> (Tensor, Tensor)"
)


def _maxsim_columns(queries: Tensor, documents: Tensor) -> int:
    return documents.shape[0] if documents.dim() == 3 else documents.shape[1]


def _maxsim_outputs(queries: Tensor, documents: Tensor, save_argmax: bool) -> tuple[Tensor, Tensor]:
    shape = (queries.shape[0], _maxsim_columns(queries, documents))
    argmax_shape = (*shape, queries.shape[1]) if save_argmax else (0,)
    return queries.new_empty(shape), queries.new_empty(argmax_shape, dtype=argmax_dtype(documents.shape[-2]))


def _maxsim_sizes(queries: Tensor, documents: Tensor) -> tuple[int, int, int, int, int, bool]:
    return (
        queries.shape[0],
        _maxsim_columns(queries, documents),
        queries.shape[1],
        documents.shape[-2],
        queries.shape[2],
        documents.dim() == 3,
    )


def _maxsim_cpu(
    queries: Tensor, documents: Tensor, query_mask: Tensor | None, document_mask: Tensor | None, save_argmax: bool
) -> tuple[Tensor, Tensor]:
    scores, argmax = _maxsim_outputs(queries, documents, save_argmax)
    sizes = _maxsim_sizes(queries, documents)
    queries, query_rows = rows(queries)
    documents, document_rows = rows(documents)
    kernels.maxsim_forward(
        is_fp64(queries),
        sizes,
        query_rows,
        document_rows,
        address(query_mask),
        address(document_mask),
        address(scores),
        indices(argmax, save_argmax),
    )
    return scores, argmax


def _maxsim_backward_cpu(
    grad: Tensor,
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    argmax: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    grads = grad_like(queries, need_queries), grad_like(documents, need_documents)
    sizes = _maxsim_sizes(queries, documents)
    grad = grad.contiguous()
    queries, query_rows = rows(queries)
    documents, document_rows = rows(documents)
    kernels.maxsim_backward(
        is_fp64(queries),
        sizes,
        query_rows,
        document_rows,
        address(query_mask),
        address(document_mask),
        address(grad),
        indices(argmax),
        *map(address, grads),
    )
    return grads


if kernels is not None:
    library.impl("maxsim", _maxsim_cpu, "CPU")
    library.impl("maxsim_backward", _maxsim_backward_cpu, "CPU")


@torch.library.register_fake("menura::maxsim")
def _maxsim_fake(
    queries: Tensor, documents: Tensor, query_mask: Tensor | None, document_mask: Tensor | None, save_argmax: bool
) -> tuple[Tensor, Tensor]:
    return _maxsim_outputs(queries, documents, save_argmax)


@torch.library.register_fake("menura::maxsim_backward")
def _maxsim_backward_fake(
    grad: Tensor,
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    argmax: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    return grad_like(queries, need_queries), grad_like(documents, need_documents)


# Bound once: resolving `torch.ops.menura.X.default` at every call costs microseconds.
maxsim = torch.ops.menura.maxsim.default
maxsim_backward = torch.ops.menura.maxsim_backward.default
