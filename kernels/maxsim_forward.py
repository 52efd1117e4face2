"""MaxSim's forward: dot products live in registers, several short queries share a tile, padding costs nothing."""

import triton
import triton.language as tl
from menura.kernels.comparing import first_of_rows, improves, largest, largest_of_rows
from menura.kernels.layouts import GROUPED, IN_BATCH, first_row, token_count, winner_start
from menura.kernels.loading import load_factors

__all__ = ["maxsim_forward"]

# Numbers that differ from batch to batch: one compilation serves them all.
COUNTS = ["query_tokens", "document_tokens", "query_count", "document_count", "candidates"]


@triton.jit(do_not_specialize=COUNTS)
def maxsim_forward(
    queries,
    query_stride,
    query_row_stride,
    query_tokens,
    query_offsets,
    query_mask,
    query_scales,
    documents,
    document_stride,
    document_row_stride,
    document_tokens,
    document_offsets,
    document_counts,
    document_order,
    document_scales,
    pairs,
    winner_starts,
    scores,
    argmax,
    query_count,
    document_count,
    candidates,
    EMPTY_SCORE: tl.constexpr,
    KIND: tl.constexpr,
    DIM: tl.constexpr,
    QUERIES: tl.constexpr,
    QUERY_TOKENS: tl.constexpr,
    DOCUMENT_TOKENS: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """A program scores QUERIES queries, or the one that a pair names, against one document.

    A tile holds QUERY_TOKENS tokens of each of its queries and DOCUMENT_TOKENS of the document.
    """
    slot = tl.program_id(0)
    if KIND == IN_BATCH:
        groups = tl.cdiv(query_count, QUERIES)
        document = slot // groups
        first_query = slot % groups * QUERIES
    elif KIND == GROUPED:
        document = slot
        first_query = slot // candidates
    else:
        first_query = tl.load(pairs + 2 * slot).to(tl.int32)
        document = tl.load(pairs + 2 * slot + 1).to(tl.int32)
    row = tl.arange(0, QUERIES * QUERY_TOKENS)
    query = first_query + row // QUERY_TOKENS
    known = query < query_count
    tokens_of_query = token_count(query, query_offsets, None, query_tokens, known)
    query_start = first_row(query, query_offsets, query_stride, query_row_stride, known)
    if argmax is not None:
        winners = winner_start(
            query, document, slot, query_offsets, query_tokens, document_count, winner_starts, known, KIND
        )
    document_start = first_row(document, document_offsets, document_stride, document_row_stride, True)
    document_end = token_count(document, document_offsets, document_counts, document_tokens, True)
    last_token = tl.maximum(document_end - 1, 0)
    if document_order is not None:
        order = document_order + document.to(tl.int64) * document_tokens

    column = tl.arange(0, DOCUMENT_TOKENS)
    depth = tl.arange(0, DEPTH)
    ACC: tl.constexpr = tl.float64 if queries.dtype.element_ty == tl.float64 else tl.float32
    SUM: tl.constexpr = tl.int32 if queries.dtype.element_ty == tl.int8 else ACC
    score = tl.zeros([QUERIES * QUERY_TOKENS], ACC)
    for first_token in range(0, tl.max(tokens_of_query), QUERY_TOKENS):
        token = first_token + row % QUERY_TOKENS
        counts = token < tokens_of_query
        if query_mask is not None:
            counts &= tl.load(query_mask + query.to(tl.int64) * query_tokens + token, mask=counts, other=0) != 0
        query_row = queries + (query_start + token.to(tl.int64) * query_row_stride)[:, None]
        if DIM <= DEPTH:
            held = load_factors(query_row + depth[None, :], counts[:, None] & (depth < DIM)[None, :])
        best = tl.full([QUERIES * QUERY_TOKENS], -float("inf"), ACC)
        winner = tl.zeros([QUERIES * QUERY_TOKENS], tl.int32)
        for first_column in range(0, document_end, DOCUMENT_TOKENS):
            # The end repeats the last token, which changes no maximum, instead of hiding what is not there.
            document_token = tl.minimum(first_column + column, last_token)
            if document_order is not None:
                document_token = tl.load(order + document_token)
            document_row = documents + (document_start + document_token.to(tl.int64) * document_row_stride)[:, None]
            products = tl.zeros([QUERIES * QUERY_TOKENS, DOCUMENT_TOKENS], SUM)
            if DIM <= DEPTH:
                met = load_factors(document_row + depth[None, :], (depth < DIM)[None, :])
                products = tl.dot(held, met.T, products, input_precision=PRECISION, out_dtype=SUM)
            else:
                for first_depth in range(0, DIM, DEPTH):
                    inside = (first_depth + depth < DIM)[None, :]
                    part = load_factors(query_row + first_depth + depth[None, :], counts[:, None] & inside)
                    met = load_factors(document_row + first_depth + depth[None, :], inside)
                    products = tl.dot(part, met.T, products, input_precision=PRECISION, out_dtype=SUM)
            if document_scales is not None:
                if document_offsets is not None:
                    first_scale = tl.load(document_offsets + document)
                else:
                    first_scale = document.to(tl.int64) * document_tokens
                similarities = products.to(ACC) * tl.load(document_scales + first_scale + document_token)[None, :]
            else:
                similarities = products
            value = largest_of_rows(similarities)
            if argmax is not None:
                first = first_column + first_of_rows(similarities, value, column[None, :])
                winner = tl.where(improves(value, best), first, winner)
            best = largest(best, value)
        if argmax is not None:
            winner = tl.minimum(winner, last_token)
            if document_order is not None:
                winner = tl.load(order + winner, mask=winner < document_end, other=0)
            tl.store(argmax + winners + token, winner.to(argmax.dtype.element_ty), mask=token < tokens_of_query)
        if query_scales is not None:
            if query_offsets is not None:
                scale_row = tl.load(query_offsets + query, mask=known, other=0) + token
            else:
                scale_row = query.to(tl.int64) * query_tokens + token
            best *= tl.load(query_scales + scale_row, mask=counts, other=0)
        score += tl.where(counts, best, 0)

    total = tl.sum(tl.reshape(score, [QUERIES, QUERY_TOKENS]), 1)
    total = tl.where(document_end > 0, total, EMPTY_SCORE)
    if KIND == IN_BATCH:
        scored = first_query + tl.arange(0, QUERIES)
        tl.store(scores + scored.to(tl.int64) * document_count + document, total, mask=scored < query_count)
    else:
        tl.store(scores + slot + tl.arange(0, QUERIES), total)
