"""MaxSim as PyTorch knows it.

Queries and documents are padded, `[N,L,d]` (candidates: `[N,K,L,d]`), or packed, `[T,d]` with offsets `[N+1]`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.checks import check_offsets, check_pairs, compute_dtype
from menura.ops.library.calling import (
    address,
    argmax_dtype,
    as_rows,
    dtype_code,
    implement,
    indices,
    is_fp64,
    library,
)
from menura.ops.library.memory import grad_like, grad_memory
from menura.ops.native import kernels

__all__ = [
    "check_packed",
    "maxsim",
    "maxsim_backward",
    "maxsim_packed",
    "maxsim_packed_backward",
    "packed_outputs",
    "padded_outputs",
    "winner_count",
]

library.define(
    "maxsim(Tensor queries, Tensor documents, Tensor? query_mask, Tensor? document_mask, Tensor? query_scales,"
    " Tensor? document_scales, bool normalize, bool save_argmax) -> (Tensor, Tensor)"
)
library.define(
    "maxsim_backward(Tensor grad, Tensor queries, Tensor documents, Tensor? query_mask, Tensor? document_mask,"
    " bool normalize, Tensor argmax, bool need_queries, bool need_documents) -> (Tensor, Tensor)"
)
library.define(
    "maxsim_packed(Tensor queries, Tensor documents, Tensor cu_seqlens_q, Tensor cu_seqlens_d, Tensor? pairs,"
    " Tensor? query_scales, Tensor? document_scales, bool normalize, bool save_argmax) -> (Tensor, Tensor)"
)
library.define(
    "maxsim_packed_backward(Tensor grad, Tensor queries, Tensor documents, Tensor cu_seqlens_q, Tensor cu_seqlens_d,"
    " Tensor? pairs, bool normalize, Tensor argmax, bool need_queries, bool need_documents) -> (Tensor, Tensor)"
)

IN_BATCH, GROUPED, LISTED = range(3)

Sequences = tuple[int, int, int, int, int, int, int, int, int]
Pairs = tuple[int, bool, int, int, int]


def _padded(rows: Tensor, mask: Tensor | None, scales: Tensor | None) -> Sequences:
    count, tokens, _ = rows.shape
    return (
        rows.data_ptr(),
        dtype_code(rows),
        count,
        tokens,
        rows.stride(0),
        rows.stride(1),
        0,
        address(mask),
        address(scales),
    )


def _packed(rows: Tensor, offsets: Tensor, scales: Tensor | None) -> Sequences:
    return (
        rows.data_ptr(),
        dtype_code(rows),
        offsets.numel() - 1,
        rows.shape[0],
        0,
        rows.stride(0),
        offsets.data_ptr(),
        0,
        address(scales),
    )


def _padded_pairs(documents: Tensor, normalize: bool) -> Pairs:
    return (documents.shape[-1], normalize, IN_BATCH if documents.dim() == 3 else GROUPED, 0, 0)


def _packed_pairs(documents: Tensor, pairs: Tensor | None, normalize: bool) -> Pairs:
    if pairs is None:
        return (documents.shape[-1], normalize, IN_BATCH, 0, 0)
    return (documents.shape[-1], normalize, LISTED, address(pairs), pairs.shape[0])


def _outputs(
    queries: Tensor, shape: tuple[int, ...], argmax_shape: tuple[int | torch.SymInt, ...], tokens: int
) -> tuple[Tensor, Tensor]:
    dtype = compute_dtype(queries.dtype)
    return queries.new_empty(shape, dtype=dtype), queries.new_empty(argmax_shape, dtype=argmax_dtype(tokens))


def padded_outputs(queries: Tensor, documents: Tensor, save_argmax: bool) -> tuple[Tensor, Tensor]:
    shape = (queries.shape[0], documents.shape[0 if documents.dim() == 3 else 1])
    return _outputs(queries, shape, (*shape, queries.shape[1]) if save_argmax else (0,), documents.shape[-2])


def packed_outputs(
    queries: Tensor,
    documents: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_d: Tensor,
    pairs: Tensor | None,
    winners: int | torch.SymInt,
) -> tuple[Tensor, Tensor]:
    if pairs is None:
        shape: tuple[int, ...] = (cu_seqlens_q.shape[0] - 1, cu_seqlens_d.shape[0] - 1)
    else:
        shape = (pairs.shape[0],)
    return _outputs(queries, shape, (winners,), documents.shape[0])


def check_packed(
    queries: Tensor, documents: Tensor, cu_seqlens_q: Tensor, cu_seqlens_d: Tensor, pairs: Tensor | None
) -> None:
    """What tracing cannot see: the values of offsets and pairs."""
    check_offsets("maxsim_packed", cu_seqlens_q, "cu_seqlens_q", queries.shape[0])
    check_offsets("maxsim_packed", cu_seqlens_d, "cu_seqlens_d", documents.shape[0])
    if pairs is not None:
        check_pairs("maxsim_packed", pairs, cu_seqlens_q.shape[0] - 1, cu_seqlens_d.shape[0] - 1)


def winner_count(queries: Tensor, cu_seqlens_q: Tensor, cu_seqlens_d: Tensor, pairs: Tensor | None) -> int:
    """Query tokens over all pairs. Listed ones have to be looked at, which waits for a GPU."""
    if pairs is None:
        return queries.shape[0] * (cu_seqlens_d.shape[0] - 1)
    return int(cu_seqlens_q.diff()[pairs[:, 0]].sum())


def _forward(
    outputs: tuple[Tensor, Tensor], queries: Sequences, documents: Sequences, pairs: Pairs, save: bool
) -> None:
    scores, argmax = outputs
    kernels.maxsim_forward(is_fp64(scores), queries, documents, pairs, address(scores), indices(argmax, save))


def _maxsim_cpu(
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    query_scales: Tensor | None,
    document_scales: Tensor | None,
    normalize: bool,
    save_argmax: bool,
) -> tuple[Tensor, Tensor]:
    outputs = padded_outputs(queries, documents, save_argmax)
    query_rows, document_rows = as_rows(queries), as_rows(documents)
    _forward(
        outputs,
        _padded(query_rows, query_mask, query_scales),
        _padded(document_rows, document_mask, document_scales),
        _padded_pairs(documents, normalize),
        save_argmax,
    )
    return outputs


def _maxsim_backward_cpu(
    grad: Tensor,
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    normalize: bool,
    argmax: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    grads = grad_memory(queries, need_queries), grad_memory(documents, need_documents)
    grad, query_rows, document_rows = grad.contiguous(), as_rows(queries), as_rows(documents)
    kernels.maxsim_backward(
        is_fp64(queries),
        _padded(query_rows, query_mask, None),
        _padded(document_rows, document_mask, None),
        _padded_pairs(documents, normalize),
        address(grad),
        indices(argmax),
        *map(address, grads),
    )
    return grads


def _maxsim_packed_cpu(
    queries: Tensor,
    documents: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_d: Tensor,
    pairs: Tensor | None,
    query_scales: Tensor | None,
    document_scales: Tensor | None,
    normalize: bool,
    save_argmax: bool,
) -> tuple[Tensor, Tensor]:
    check_packed(queries, documents, cu_seqlens_q, cu_seqlens_d, pairs)
    winners = winner_count(queries, cu_seqlens_q, cu_seqlens_d, pairs) if save_argmax else 0
    outputs = packed_outputs(queries, documents, cu_seqlens_q, cu_seqlens_d, pairs, winners)
    query_rows, document_rows = as_rows(queries), as_rows(documents)
    _forward(
        outputs,
        _packed(query_rows, cu_seqlens_q, query_scales),
        _packed(document_rows, cu_seqlens_d, document_scales),
        _packed_pairs(documents, pairs, normalize),
        save_argmax,
    )
    return outputs


def _maxsim_packed_backward_cpu(
    grad: Tensor,
    queries: Tensor,
    documents: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_d: Tensor,
    pairs: Tensor | None,
    normalize: bool,
    argmax: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    grads = grad_memory(queries, need_queries), grad_memory(documents, need_documents)
    grad, query_rows, document_rows = grad.contiguous(), as_rows(queries), as_rows(documents)
    kernels.maxsim_backward(
        is_fp64(queries),
        _packed(query_rows, cu_seqlens_q, None),
        _packed(document_rows, cu_seqlens_d, None),
        _packed_pairs(documents, pairs, normalize),
        address(grad),
        indices(argmax),
        *map(address, grads),
    )
    return grads


implement("maxsim", cpu=_maxsim_cpu)
implement("maxsim_backward", cpu=_maxsim_backward_cpu)
implement("maxsim_packed", cpu=_maxsim_packed_cpu)
implement("maxsim_packed_backward", cpu=_maxsim_packed_backward_cpu)


@torch.library.register_fake("menura::maxsim")
def _maxsim_fake(
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    query_scales: Tensor | None,
    document_scales: Tensor | None,
    normalize: bool,
    save_argmax: bool,
) -> tuple[Tensor, Tensor]:
    return padded_outputs(queries, documents, save_argmax)


@torch.library.register_fake("menura::maxsim_backward")
def _maxsim_backward_fake(
    grad: Tensor,
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    normalize: bool,
    argmax: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    return grad_like(queries, need_queries), grad_like(documents, need_documents)


@torch.library.register_fake("menura::maxsim_packed")
def _maxsim_packed_fake(
    queries: Tensor,
    documents: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_d: Tensor,
    pairs: Tensor | None,
    query_scales: Tensor | None,
    document_scales: Tensor | None,
    normalize: bool,
    save_argmax: bool,
) -> tuple[Tensor, Tensor]:
    winners: int | torch.SymInt = 0
    if save_argmax:
        # How many query tokens a list of pairs holds is known when it runs.
        count = cu_seqlens_d.shape[0] - 1
        winners = queries.shape[0] * count if pairs is None else torch.library.get_ctx().new_dynamic_size()
    return packed_outputs(queries, documents, cu_seqlens_q, cu_seqlens_d, pairs, winners)


@torch.library.register_fake("menura::maxsim_packed_backward")
def _maxsim_packed_backward_fake(
    grad: Tensor,
    queries: Tensor,
    documents: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_d: Tensor,
    pairs: Tensor | None,
    normalize: bool,
    argmax: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    return grad_like(queries, need_queries), grad_like(documents, need_documents)


# Bound once: resolving `torch.ops.menura.X.default` at every call costs microseconds.
maxsim = torch.ops.menura.maxsim.default
maxsim_backward = torch.ops.menura.maxsim_backward.default
maxsim_packed = torch.ops.menura.maxsim_packed.default
maxsim_packed_backward = torch.ops.menura.maxsim_packed_backward.default
