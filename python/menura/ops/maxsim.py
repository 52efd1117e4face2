"""MaxSim, the late-interaction score of ColBERT (Khattab & Zaharia 2020, arXiv 2004.12832)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.ops import library, reference
from menura.ops.availability import has_kernels
from menura.ops.checks import (
    as_mask,
    as_offsets,
    as_pairs,
    as_scales,
    check_embeddings,
    check_rank,
    check_same_device,
    distinct,
    to_compute_dtype,
)
from menura.ops.differentiation import first_order
from menura.ops.quantization import quantize

__all__ = ["maxsim", "maxsim_packed", "maxsim_pairs"]


def maxsim(
    queries: Tensor,
    documents: Tensor,
    *,
    query_mask: Tensor | None = None,
    document_mask: Tensor | None = None,
    query_scales: Tensor | None = None,
    document_scales: Tensor | None = None,
    normalize: bool = False,
    length_normalize: bool = False,
) -> Tensor:
    """For each query token the best-matching document token, summed: `sum_s max_t <q_s, d_t>`.

    Args:
        queries: `[Nq,Lq,d]`, any floating dtype and strides; or int8.
        documents: `[Nd,Ld,d]`, every query against every document (in-batch); or `[Nq,K,Ld,d]`, K candidates a query.
            int8 documents (see `quantize`) need `document_scales`; queries that are not int8 are quantized for them.
        query_mask: `[Nq,Lq]`; tokens that count. Holes are allowed. None: all.
        document_mask: `[Nd,Ld]` or `[Nq,K,Ld]`; tokens that take part in the maximum. None: all.
        query_scales: `[Nq,Lq]`, of int8 queries.
        document_scales: `[Nd,Ld]` or `[Nq,K,Ld]`, of int8 documents: what each token's numbers are multiplied by.
        normalize: divide every token by its Euclidean length, so that products are cosines. Zeros stay zeros, with zero
            gradient. No normalized copy is kept, and half precision is not rounded again. Not of int8.
        length_normalize: divide by the number of query tokens that count.

    Returns:
        `[Nq,Nd]` or `[Nq,K]`; float32 (float64 for float64 inputs). Products and sums are in that precision also of
        half precision inputs; gradients are rounded once, to the inputs' dtype. A document without tokens scores
        -1e9, a query without tokens 0, both with zero gradient. On a tie the lowest document token takes the whole
        gradient. NaN propagates.

    Raises:
        TypeError: an input is no dense tensor of a floating dtype or int8, or int8 where a gradient is asked for.
        ValueError: shapes, masks, scales or devices do not fit.

    The backward is deterministic and cannot be differentiated again.
    """
    check_rank("maxsim", queries, "queries", "[Nq,Lq,d]", 3)
    check_rank("maxsim", documents, "documents", "[Nd,Ld,d] or [Nq,K,Ld,d]", 3, 4)
    if documents.dim() == 4 and documents.shape[0] != queries.shape[0]:
        raise ValueError(
            "[maxsim] candidates [Nq,K,Ld,d] must come one group a query; "
            f"got {documents.shape[0]} groups for {queries.shape[0]} queries."
        )
    return _maxsim(
        "maxsim",
        queries,
        documents,
        query_mask,
        document_mask,
        query_scales,
        document_scales,
        normalize,
        length_normalize,
    )


def maxsim_pairs(
    queries: Tensor,
    documents: Tensor,
    *,
    query_mask: Tensor | None = None,
    document_mask: Tensor | None = None,
    query_scales: Tensor | None = None,
    document_scales: Tensor | None = None,
    normalize: bool = False,
    length_normalize: bool = False,
) -> Tensor:
    """MaxSim of query i with document i: `[B,Lq,d]` x `[B,Ld,d]` -> `[B]`. Everything else as in `maxsim`."""
    check_rank("maxsim_pairs", queries, "queries", "[B,Lq,d]", 3)
    check_rank("maxsim_pairs", documents, "documents", "[B,Ld,d]", 3)
    if documents.shape[0] != queries.shape[0]:
        raise ValueError(
            f"[maxsim_pairs] there must be as many queries as documents; got {queries.shape[0]} and "
            f"{documents.shape[0]}."
        )
    mask = as_mask("maxsim_pairs", document_mask, "document_mask", documents.shape[:-1])
    scales = as_scales("maxsim_pairs", document_scales, "document_scales", documents)
    return _maxsim(
        "maxsim_pairs",
        queries,
        documents[:, None],
        query_mask,
        None if mask is None else mask[:, None],
        query_scales,
        None if scales is None else scales[:, None],
        normalize,
        length_normalize,
    )[:, 0]


def maxsim_packed(
    queries: Tensor,
    documents: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_d: Tensor,
    *,
    pairs: Tensor | None = None,
    query_scales: Tensor | None = None,
    document_scales: Tensor | None = None,
    normalize: bool = False,
    length_normalize: bool = False,
) -> Tensor:
    """MaxSim of texts whose tokens lie one behind the other: no padding, and no work on it.

    Args:
        queries: `[Tq,d]`, the tokens of Nq queries.
        documents: `[Td,d]`, the tokens of Nd documents.
        cu_seqlens_q: `[Nq+1]`, int32 or int64: query i holds the tokens from entry i up to entry i+1.
        cu_seqlens_d: `[Nd+1]`, the same of the documents.
        pairs: `[P,2]`, int32 or int64: the queries and documents to score. None: every query with every document.
        query_scales: `[Tq]`, of int8 queries.
        document_scales: `[Td]`, of int8 documents.
        normalize: divide every token by its Euclidean length; see `maxsim`.
        length_normalize: divide by the number of query tokens.

    Returns:
        `[Nq,Nd]`, or `[P]` for `pairs`. Dtypes, empty texts, ties, NaN and errors are those of `maxsim`. On a GPU the
        values of offsets and pairs are not looked at, which would wait for it: there they must be right.
    """
    operator = "maxsim_packed"
    check_rank(operator, queries, "queries", "[Tq,d]", 2)
    check_rank(operator, documents, "documents", "[Td,d]", 2)
    check_embeddings(operator, queries, documents)
    cu_seqlens_q = as_offsets(operator, cu_seqlens_q, "cu_seqlens_q")
    cu_seqlens_d = as_offsets(operator, cu_seqlens_d, "cu_seqlens_d")
    cu_seqlens_q, cu_seqlens_d = distinct(cu_seqlens_q, cu_seqlens_d)
    pairs = as_pairs(operator, pairs)
    queries, documents, *scales = _computable(operator, queries, documents, query_scales, document_scales, normalize)
    check_same_device(
        operator,
        queries=queries,
        documents=documents,
        cu_seqlens_q=cu_seqlens_q,
        cu_seqlens_d=cu_seqlens_d,
        pairs=pairs,
        query_scales=scales[0],
        document_scales=scales[1],
    )
    if not has_kernels(queries):
        library.check_packed(queries, documents, cu_seqlens_q, cu_seqlens_d, pairs)
        scores = reference.maxsim_packed(
            queries,
            documents,
            cu_seqlens_q,
            cu_seqlens_d,
            pairs=pairs,
            query_scales=scales[0],
            document_scales=scales[1],
            normalize=normalize,
        )
    elif _needs_grad(queries, documents):
        scores = _MaxSimPacked.apply(queries, documents, cu_seqlens_q, cu_seqlens_d, pairs, normalize)
    else:
        scores = library.maxsim_packed(
            queries, documents, cu_seqlens_q, cu_seqlens_d, pairs, *scales, normalize, False
        )[0]
    if length_normalize:
        tokens = (cu_seqlens_q[1:] - cu_seqlens_q[:-1]).clamp(min=1)
        scores = scores / (tokens[:, None] if pairs is None else tokens[pairs[:, 0]])
    return scores


def _maxsim(
    operator: str,
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    query_scales: Tensor | None,
    document_scales: Tensor | None,
    normalize: bool,
    length_normalize: bool,
) -> Tensor:
    check_embeddings(operator, queries, documents)
    query_mask = as_mask(operator, query_mask, "query_mask", queries.shape[:-1])
    document_mask = as_mask(operator, document_mask, "document_mask", documents.shape[:-1])
    queries, documents, *scales = _computable(operator, queries, documents, query_scales, document_scales, normalize)
    check_same_device(
        operator,
        queries=queries,
        documents=documents,
        query_mask=query_mask,
        document_mask=document_mask,
        query_scales=scales[0],
        document_scales=scales[1],
    )
    if not has_kernels(queries):
        return reference.maxsim(
            queries,
            documents,
            query_mask=query_mask,
            document_mask=document_mask,
            query_scales=scales[0],
            document_scales=scales[1],
            normalize=normalize,
            length_normalize=length_normalize,
        )
    if _needs_grad(queries, documents):
        scores: Tensor = _MaxSim.apply(queries, documents, query_mask, document_mask, normalize)
    else:
        scores = library.maxsim(queries, documents, query_mask, document_mask, *scales, normalize, False)[0]
    if length_normalize:
        tokens = queries.shape[1] if query_mask is None else query_mask.sum(-1, keepdim=True)
        scores = scores / torch.as_tensor(tokens, device=scores.device).clamp(min=1)
    return scores


def _computable(
    operator: str,
    queries: Tensor,
    documents: Tensor,
    query_scales: Tensor | None,
    document_scales: Tensor | None,
    normalize: bool,
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Both sides in one dtype, as the kernels want them, and the scales of int8."""
    if documents.dtype != torch.int8 and queries.dtype == torch.int8:
        raise TypeError(f"[{operator}] int8 queries need int8 documents; got {documents.dtype}.")
    if normalize and documents.dtype == torch.int8:
        raise TypeError(f"[{operator}] int8 documents cannot be normalized; normalize them before menura.quantize.")
    query_scales = as_scales(operator, query_scales, "query_scales", queries)
    document_scales = as_scales(operator, document_scales, "document_scales", documents)
    if documents.dtype == torch.int8:
        if queries.dtype != torch.int8:
            if torch.is_grad_enabled() and queries.requires_grad:
                raise TypeError(f"[{operator}] int8 documents give queries no gradient; call under torch.no_grad().")
            queries, query_scales = quantize(queries)
    elif queries.dtype != documents.dtype:
        queries, documents = to_compute_dtype(queries, documents)
    return *distinct(queries, documents), query_scales, document_scales


def _needs_grad(queries: Tensor, documents: Tensor) -> bool:
    return torch.is_grad_enabled() and (queries.requires_grad or documents.requires_grad)


class _MaxSim(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        documents: Tensor,
        query_mask: Tensor | None,
        document_mask: Tensor | None,
        normalize: bool,
    ) -> Tensor:
        saved = queries, documents, query_mask, document_mask
        scores, argmax = library.maxsim(*saved, None, None, normalize, True)
        ctx.save_for_backward(*saved, argmax)
        ctx.normalize = normalize
        return scores

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        needed, (*saved, argmax) = ctx.needs_input_grad[:2], ctx.saved_tensors
        return (
            *first_order(
                "maxsim",
                lambda: library.maxsim_backward(grad, *saved, ctx.normalize, argmax, *needed),
                (grad, *saved[:2]),
                needed,
            ),
            None,
            None,
            None,
        )


class _MaxSimPacked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        documents: Tensor,
        cu_seqlens_q: Tensor,
        cu_seqlens_d: Tensor,
        pairs: Tensor | None,
        normalize: bool,
    ) -> Tensor:
        saved = queries, documents, cu_seqlens_q, cu_seqlens_d, pairs
        scores, argmax = library.maxsim_packed(*saved, None, None, normalize, True)
        ctx.save_for_backward(*saved, argmax)
        ctx.normalize = normalize
        return scores

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        needed, (*saved, argmax) = ctx.needs_input_grad[:2], ctx.saved_tensors
        return (
            *first_order(
                "maxsim_packed",
                lambda: library.maxsim_packed_backward(grad, *saved, ctx.normalize, argmax, *needed),
                (grad, *saved[:2]),
                needed,
            ),
            None,
            None,
            None,
            None,
        )
