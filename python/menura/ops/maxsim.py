"""MaxSim, the late-interaction score of ColBERT (Khattab & Zaharia 2020, arXiv 2004.12832)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.ops import library, reference
from menura.ops.checks import as_mask, check_floating, check_rank, check_same_device, distinct, to_compute_dtype
from menura.ops.differentiation import first_order
from menura.ops.native import has_kernels

__all__ = ["maxsim", "maxsim_pairs"]


def maxsim(
    queries: Tensor,
    documents: Tensor,
    *,
    query_mask: Tensor | None = None,
    document_mask: Tensor | None = None,
    length_normalize: bool = False,
) -> Tensor:
    """For each query token the best-matching document token, summed: `sum_s max_t <q_s, d_t>`.

    Args:
        queries: `[Nq,Lq,d]`, any floating dtype and strides.
        documents: `[Nd,Ld,d]`, every query against every document (in-batch); or `[Nq,K,Ld,d]`, K candidates a query.
        query_mask: `[Nq,Lq]`; tokens that count. Holes are allowed. None: all.
        document_mask: `[Nd,Ld]` or `[Nq,K,Ld]`; tokens that take part in the maximum. None: all.
        length_normalize: divide by the number of query tokens that count.

    Returns:
        `[Nq,Nd]` or `[Nq,K]`; float32 (float64 for float64 inputs), computed in that precision also from half
        precision inputs. A document without tokens scores -1e9, a query without tokens 0, both with zero gradient.
        On a tie the lowest document token takes the whole gradient. NaN propagates.

    Raises:
        TypeError: an input is no dense floating-point tensor.
        ValueError: shapes, masks or devices do not fit.

    The backward is deterministic and cannot be differentiated again.
    """
    _check("maxsim", queries, documents, "[Nd,Ld,d] or [Nq,K,Ld,d]", 3, 4)
    if documents.dim() == 4 and documents.shape[0] != queries.shape[0]:
        raise ValueError(
            "[maxsim] candidates [Nq,K,Ld,d] must come one group a query; "
            f"got {documents.shape[0]} groups for {queries.shape[0]} queries."
        )
    return _maxsim("maxsim", queries, documents, query_mask, document_mask, length_normalize)


def maxsim_pairs(
    queries: Tensor,
    documents: Tensor,
    *,
    query_mask: Tensor | None = None,
    document_mask: Tensor | None = None,
    length_normalize: bool = False,
) -> Tensor:
    """MaxSim of query i with document i: `[B,Lq,d]` x `[B,Ld,d]` -> `[B]`. Everything else as in `maxsim`."""
    _check("maxsim_pairs", queries, documents, "[B,Ld,d]", 3)
    if documents.shape[0] != queries.shape[0]:
        raise ValueError(
            f"[maxsim_pairs] there must be as many queries as documents; got {queries.shape[0]} and "
            f"{documents.shape[0]}."
        )
    document_mask = as_mask("maxsim_pairs", document_mask, "document_mask", documents.shape[:-1])
    if document_mask is not None:
        document_mask = document_mask[:, None]
    return _maxsim("maxsim_pairs", queries, documents[:, None], query_mask, document_mask, length_normalize)[:, 0]


def _check(operator: str, queries: Tensor, documents: Tensor, shape: str, *ranks: int) -> None:
    check_floating(operator, queries=queries, documents=documents)
    check_rank(operator, queries, "queries", "[Nq,Lq,d]", 3)
    check_rank(operator, documents, "documents", shape, *ranks)
    if queries.shape[-1] != documents.shape[-1]:
        raise ValueError(
            f"[{operator}] queries and documents must share the embedding dim; "
            f"got {queries.shape[-1]} and {documents.shape[-1]}."
        )


def _maxsim(
    operator: str,
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    length_normalize: bool,
) -> Tensor:
    query_mask = as_mask(operator, query_mask, "query_mask", queries.shape[:-1])
    document_mask = as_mask(operator, document_mask, "document_mask", documents.shape[:-1])
    check_same_device(
        operator, queries=queries, documents=documents, query_mask=query_mask, document_mask=document_mask
    )
    queries, documents = distinct(*to_compute_dtype(queries, documents))
    if not has_kernels(queries.device):
        return reference.maxsim(
            queries,
            documents,
            query_mask=query_mask,
            document_mask=document_mask,
            length_normalize=length_normalize,
        )
    if torch.is_grad_enabled() and (queries.requires_grad or documents.requires_grad):
        scores: Tensor = _MaxSim.apply(queries, documents, query_mask, document_mask)
    else:
        scores = library.maxsim(queries, documents, query_mask, document_mask, False)[0]
    if length_normalize:
        tokens = queries.shape[1] if query_mask is None else query_mask.sum(-1, keepdim=True)
        scores = scores / torch.as_tensor(tokens, device=scores.device).clamp(min=1)
    return scores


class _MaxSim(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, documents: Tensor, query_mask: Tensor | None, document_mask: Tensor | None
    ) -> Tensor:
        scores, argmax = library.maxsim(queries, documents, query_mask, document_mask, True)
        ctx.save_for_backward(queries, documents, query_mask, document_mask, argmax)
        return scores

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        needed, saved = ctx.needs_input_grad[:2], ctx.saved_tensors
        return (
            *first_order("maxsim", lambda: library.maxsim_backward(grad, *saved, *needed), (grad, *saved[:2]), needed),
            None,
            None,
        )
