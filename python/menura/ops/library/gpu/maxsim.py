"""MaxSim on a GPU: where its inputs and outputs lie, and the launches."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from menura.kernels.launching import block, launch
from menura.kernels.layouts import GROUPED, IN_BATCH, LISTED
from menura.kernels.maxsim_backward import maxsim_document_gradient, maxsim_query_gradient
from menura.kernels.maxsim_forward import maxsim_forward
from menura.kernels.tuning import precision, tuning
from menura.ops.library.gpu.texts import Texts, packed, padded
from menura.ops.library.maxsim import packed_outputs, padded_outputs, winner_count
from menura.ops.library.memory import grad_like
from menura.ops.reference import EMPTY_DOCUMENT_SCORE

__all__ = ["maxsim", "maxsim_backward", "maxsim_packed", "maxsim_packed_backward"]


@dataclass(frozen=True)
class Listing:
    """Which queries and documents meet; None where the layout says it."""

    kind: int
    candidates: int = 1
    pairs: Tensor | None = None
    winner_starts: Tensor | None = None

    def documents_of_query(self, queries: int, documents: int) -> int:
        """How many a query meets; the average where they are listed."""
        if self.pairs is not None:
            return -(-self.pairs.shape[0] // max(queries, 1))
        return documents if self.kind == IN_BATCH.value else self.candidates

    def by(self, side: int, count: int) -> tuple[Tensor | None, Tensor | None]:
        """Pairs sorted by query (0) or document (1): their order `[P]`, and where those of each begin, `[count+1]`."""
        if self.pairs is None:
            return None, None
        ordered, order = self.pairs[:, side].contiguous().sort(stable=True)
        return order, torch.searchsorted(ordered, torch.arange(count + 1, device=ordered.device))


def _padded_listing(documents: Tensor) -> Listing:
    return Listing(IN_BATCH.value) if documents.dim() == 3 else Listing(GROUPED.value, documents.shape[1])


def _packed_listing(cu_seqlens_q: Tensor, pairs: Tensor | None, winners: bool) -> Listing:
    if pairs is None:
        return Listing(IN_BATCH.value)
    starts = None
    if winners:
        starts = torch.nn.functional.pad(cu_seqlens_q.diff()[pairs[:, 0]].cumsum(0), (1, 0))
    return Listing(LISTED.value, 1, pairs, starts)


def _scaled(normalize: bool, queries: Texts, documents: Texts) -> tuple[Texts, Texts]:
    return (queries.normalized(), documents.normalized()) if normalize else (queries, documents)


def _turns(blocks: int, texts: Texts) -> tuple[int, int]:
    """Programs that share the blocks of a vector's numbers, and how many blocks each goes through: see the kernels."""
    if texts.scales is None or blocks == 1:
        return blocks, 1
    return 1, 2 * blocks


def _forward(scores: Tensor, argmax: Tensor | None, queries: Texts, documents: Texts, listing: Listing) -> None:
    dim = queries.rows.shape[-1]
    sizes = tuning("maxsim_forward", queries.rows.dtype)
    query_tokens = block(queries.typical_tokens, 16, sizes.rows)
    together = 1
    if listing.kind == IN_BATCH.value:
        together = sizes.rows // query_tokens if queries.count > 1 else 1
        programs = -(-queries.count // together) * documents.count
    else:
        programs = scores.numel()
    counts, order = documents.counted()
    if order is not None:  # a look at the order finds a row, so its load takes two trips
        sizes = replace(sizes, stages=2 * sizes.stages - 1)
    launch(
        maxsim_forward,
        (programs,),
        scores.device,
        queries.rows,
        *queries.strides,
        queries.tokens,
        queries.offsets,
        queries.mask,
        queries.scales,
        documents.rows,
        *documents.strides,
        documents.tokens,
        documents.offsets,
        counts,
        order,
        documents.scales,
        listing.pairs,
        listing.winner_starts,
        scores,
        argmax,
        queries.count,
        documents.count,
        listing.candidates,
        EMPTY_SCORE=EMPTY_DOCUMENT_SCORE,
        KIND=listing.kind,
        DIM=dim,
        QUERIES=together,
        QUERY_TOKENS=query_tokens,
        DOCUMENT_TOKENS=sizes.columns,
        DEPTH=block(dim, 16, sizes.depth),
        PRECISION=precision(queries.rows.dtype),
        **sizes.options,
    )


def _backward(
    grad: Tensor,
    argmax: Tensor,
    queries: Texts,
    documents: Texts,
    listing: Listing,
    grad_queries: Tensor,
    grad_documents: Tensor,
) -> None:
    grad, lengths, dim = grad.contiguous(), documents.lengths(), queries.rows.shape[-1]
    if grad_queries.numel():
        sizes = tuning("maxsim_query_gradient", documents.rows.dtype)
        depth, tokens = block(dim, 16, sizes.columns), sizes.rows
        programs, turns = _turns(-(-dim // depth), queries)
        launch(
            maxsim_query_gradient,
            (queries.count, -(-queries.typical_tokens // tokens), programs),
            grad.device,
            grad,
            argmax,
            queries.rows,
            *queries.strides,
            queries.tokens,
            queries.offsets,
            queries.mask,
            queries.scales,
            documents.rows,
            *documents.strides,
            documents.tokens,
            documents.offsets,
            lengths,
            documents.scales,
            listing.pairs,
            *listing.by(0, queries.count),
            listing.winner_starts,
            grad_queries,
            documents.count,
            listing.candidates,
            KIND=listing.kind,
            DIM=dim,
            TURNS=turns,
            DOCUMENTS=sizes.depth if listing.documents_of_query(queries.count, documents.count) > 1 else 1,
            QUERY_TOKENS=tokens,
            DEPTH=depth,
            STAGES=sizes.stages,
            **sizes.options,
        )
    if grad_documents.numel():
        in_batch = listing.kind == IN_BATCH.value
        rows = queries.consecutive_rows()
        sizes = tuning("maxsim_document_gradient", queries.rows.dtype)
        depth, tokens = block(dim, 16, sizes.columns), sizes.rows
        programs, turns = _turns(-(-dim // depth), documents)
        launch(
            maxsim_document_gradient,
            (documents.count, -(-documents.typical_tokens // tokens), programs),
            grad.device,
            grad,
            argmax,
            rows,
            rows.stride(-2),
            queries.tokens,
            queries.offsets,
            queries.mask,
            queries.scales,
            documents.rows,
            *documents.strides,
            documents.tokens,
            documents.offsets,
            lengths,
            documents.mask,
            documents.scales,
            listing.pairs,
            *listing.by(1, documents.count),
            listing.winner_starts,
            queries.text_of_row() if in_batch else None,
            grad_documents,
            queries.count,
            documents.count,
            listing.candidates,
            KIND=listing.kind,
            DIM=dim,
            TURNS=turns,
            QUERY_TOKENS=sizes.depth if in_batch else block(queries.typical_tokens, 16, sizes.depth),
            DOCUMENT_TOKENS=tokens,
            DEPTH=depth,
            PRECISION=precision(queries.rows.dtype),
            **sizes.options,
        )


def maxsim(
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    query_scales: Tensor | None,
    document_scales: Tensor | None,
    normalize: bool,
    save_argmax: bool,
) -> tuple[Tensor, Tensor]:
    scores, argmax = padded_outputs(queries, documents, save_argmax)
    _forward(
        scores,
        argmax if save_argmax else None,
        *_scaled(
            normalize,
            padded(queries, query_mask, query_scales),
            padded(documents, document_mask, document_scales),
        ),
        _padded_listing(documents),
    )
    return scores, argmax


def maxsim_backward(
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
    grads = grad_like(queries, need_queries), grad_like(documents, need_documents)
    texts = _scaled(normalize, padded(queries, query_mask), padded(documents, document_mask))
    _backward(grad, argmax, *texts, _padded_listing(documents), *grads)
    return grads


def maxsim_packed(
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
    winners = winner_count(queries, cu_seqlens_q, cu_seqlens_d, pairs) if save_argmax else 0
    scores, argmax = packed_outputs(queries, documents, cu_seqlens_q, cu_seqlens_d, pairs, winners)
    _forward(
        scores,
        argmax if save_argmax else None,
        *_scaled(
            normalize,
            packed(queries, cu_seqlens_q, scales=query_scales),
            packed(documents, cu_seqlens_d, scales=document_scales),
        ),
        _packed_listing(cu_seqlens_q, pairs, save_argmax),
    )
    return scores, argmax


def maxsim_packed_backward(
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
    grads = grad_like(queries, need_queries), grad_like(documents, need_documents)
    texts = _scaled(normalize, packed(queries, cu_seqlens_q), packed(documents, cu_seqlens_d))
    _backward(grad, argmax, *texts, _packed_listing(cu_seqlens_q, pairs, True), *grads)
    return grads
