"""Sparse dot products as PyTorch knows them."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.library.calling import address, grad_like, is_fp64, library
from menura.ops.native import kernels

__all__ = ["sparse_dot", "sparse_dot_backward"]

library.define("sparse_dot(Tensor queries, Tensor documents, bool pairwise) -> Tensor")
library.define(
    "sparse_dot_backward(Tensor grad, Tensor queries, Tensor documents, bool pairwise, bool need_queries,"
    " bool need_documents) -> (Tensor, Tensor)"
)


def _dot_shape(queries: Tensor, documents: Tensor, pairwise: bool) -> tuple[int, ...]:
    return (queries.shape[0],) if pairwise else (queries.shape[0], documents.shape[0])


def _dot_sizes(queries: Tensor, documents: Tensor, pairwise: bool) -> tuple[int, int, int, bool]:
    return (queries.shape[0], documents.shape[0], queries.shape[1], pairwise)


def _sparse_dot_cpu(queries: Tensor, documents: Tensor, pairwise: bool) -> Tensor:
    queries, documents = queries.contiguous(), documents.contiguous()
    scores = queries.new_empty(_dot_shape(queries, documents, pairwise))
    kernels.sparse_dot_forward(
        is_fp64(queries),
        _dot_sizes(queries, documents, pairwise),
        address(queries),
        address(documents),
        address(scores),
    )
    return scores


def _sparse_dot_backward_cpu(
    grad: Tensor, queries: Tensor, documents: Tensor, pairwise: bool, need_queries: bool, need_documents: bool
) -> tuple[Tensor, Tensor]:
    grads = grad_like(queries, need_queries), grad_like(documents, need_documents)
    grad, queries, documents = grad.contiguous(), queries.contiguous(), documents.contiguous()
    kernels.sparse_dot_backward(
        is_fp64(queries),
        _dot_sizes(queries, documents, pairwise),
        address(queries),
        address(documents),
        address(grad),
        *map(address, grads),
    )
    return grads


if kernels is not None:
    library.impl("sparse_dot", _sparse_dot_cpu, "CPU")
    library.impl("sparse_dot_backward", _sparse_dot_backward_cpu, "CPU")


@torch.library.register_fake("menura::sparse_dot")
def _sparse_dot_fake(queries: Tensor, documents: Tensor, pairwise: bool) -> Tensor:
    return queries.new_empty(_dot_shape(queries, documents, pairwise))


@torch.library.register_fake("menura::sparse_dot_backward")
def _sparse_dot_backward_fake(
    grad: Tensor, queries: Tensor, documents: Tensor, pairwise: bool, need_queries: bool, need_documents: bool
) -> tuple[Tensor, Tensor]:
    return grad_like(queries, need_queries), grad_like(documents, need_documents)


# Bound once: resolving `torch.ops.menura.X.default` at every call costs microseconds.
sparse_dot = torch.ops.menura.sparse_dot.default
sparse_dot_backward = torch.ops.menura.sparse_dot_backward.default
