"""MaxSim's backward: each program owns the rows that it writes, so there are no atomics and every sum has one order.

Normalized vectors have scales: the gradient g of u = x / |x| becomes that of x, (g - <g, u> u) / |x|. Unless one block
holds all of g, its dot product takes a round of its own: a program then has TURNS turns, two at each block.
"""

import triton
import triton.language as tl
from menura.kernels.layouts import GROUPED, IN_BATCH, LISTED, first_row, token_count, winner_start
from menura.kernels.loading import load_factors, scaled_dot

__all__ = ["maxsim_document_gradient", "maxsim_query_gradient"]

# Numbers that differ from batch to batch: one compilation serves them all.
QUERY_COUNTS = ["query_tokens", "document_tokens", "document_count", "candidates"]
DOCUMENT_COUNTS = [*QUERY_COUNTS, "query_count"]


@triton.jit
def normalization_gradient(grad, x, scale, along):
    """The gradient of x from that of x / |x|; the scale is 1 / |x|, `along` the dot product of `grad` and x."""
    return scale[:, None] * (grad - (scale * scale * along)[:, None] * x)


@triton.jit(do_not_specialize=QUERY_COUNTS)
def maxsim_query_gradient(
    grad,
    argmax,
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
    document_lengths,
    document_scales,
    pairs,
    order,
    starts,
    winner_starts,
    grad_queries,
    document_count,
    candidates,
    KIND: tl.constexpr,
    DIM: tl.constexpr,
    TURNS: tl.constexpr,
    DOCUMENTS: tl.constexpr,
    QUERY_TOKENS: tl.constexpr,
    DEPTH: tl.constexpr,
    STAGES: tl.constexpr,
):
    """Every QUERY_TOKENS-th block of tokens of a query: the sum over its documents of grad times the winning row.

    The pairs of query i are `order[starts[i]]` up to `order[starts[i + 1]]`, where they are listed. The winning rows of
    DOCUMENTS documents are on their way at a time, in each of STAGES.
    """
    query = tl.program_id(0)
    tokens = token_count(query, query_offsets, None, query_tokens, True)
    query_start = first_row(query, query_offsets, query_stride, query_row_stride, True)
    row_start = first_row(query, query_offsets, query_tokens, 1, True)
    first_entry, last_entry = 0, document_count
    if KIND == GROUPED:
        first_entry, last_entry = query * candidates, (query + 1) * candidates
    elif KIND == LISTED:
        first_entry, last_entry = tl.load(starts + query).to(tl.int32), tl.load(starts + query + 1).to(tl.int32)
    ACC: tl.constexpr = grad.dtype.element_ty
    BLOCKS: tl.constexpr = (DIM + DEPTH - 1) // DEPTH
    block = tl.program_id(1) * QUERY_TOKENS
    place = tl.arange(0, DOCUMENTS * QUERY_TOKENS)
    for first_token in range(block, tokens, tl.num_programs(1) * QUERY_TOKENS):
        token = first_token + tl.arange(0, QUERY_TOKENS)
        counts = token < tokens
        met_token = first_token + place % QUERY_TOKENS
        met_counts = met_token < tokens
        if query_mask is not None:
            counts &= tl.load(query_mask + row_start + token, mask=counts, other=0) != 0
            met_counts &= tl.load(query_mask + row_start + met_token, mask=met_counts, other=0) != 0
        if query_scales is not None:
            scale = tl.load(query_scales + row_start + token, mask=counts, other=0)
        along = tl.zeros([QUERY_TOKENS], ACC)
        for turn in range(TURNS):
            depth = (tl.program_id(2) + turn) % BLOCKS * DEPTH + tl.arange(0, DEPTH)
            inside = (depth < DIM)[None, :]
            totals = tl.zeros([DOCUMENTS * QUERY_TOKENS, DEPTH], ACC)
            for entry in tl.range(first_entry, last_entry, DOCUMENTS, num_stages=STAGES):
                slot = entry + place // QUERY_TOKENS
                known = slot < last_entry
                document = slot
                if KIND == LISTED:
                    slot = tl.load(order + slot, mask=known, other=0).to(tl.int32)
                    document = tl.load(pairs + 2 * slot + 1, mask=known, other=0).to(tl.int32)
                winners = winner_start(
                    query, document, slot, query_offsets, query_tokens, document_count, winner_starts, True, KIND
                )
                scored = slot.to(tl.int64)
                if KIND == IN_BATCH:
                    scored += query.to(tl.int64) * document_count
                length = token_count(document, document_offsets, document_lengths, document_tokens, known)
                won = met_counts & (length > 0)
                slope = tl.load(grad + scored, mask=won, other=0)
                row = tl.load(argmax + winners + met_token, mask=won, other=0).to(tl.int64)
                if document_scales is not None:
                    first_scale = first_row(document, document_offsets, document_tokens, 1, known)
                    slope *= tl.load(document_scales + first_scale + row, mask=won, other=0)
                start = first_row(document, document_offsets, document_stride, document_row_stride, known)
                at = documents + (start + row * document_row_stride)[:, None] + depth[None, :]
                totals += slope[:, None] * load_factors(at, won[:, None] & inside).to(ACC)
            total = tl.sum(tl.reshape(totals, [DOCUMENTS, QUERY_TOKENS, DEPTH]), 0)
            if query_scales is not None:
                at = queries + (query_start + token.to(tl.int64) * query_row_stride)[:, None] + depth[None, :]
                own = load_factors(at, counts[:, None] & inside).to(ACC)
                along += tl.where(turn < BLOCKS, tl.sum(total * own, 1), 0)
                total = normalization_gradient(total, own, scale, along)
            to = grad_queries + (row_start + token)[:, None] * DIM + depth[None, :]
            last = (turn >= TURNS - BLOCKS) & inside
            tl.store(to, total.to(grad_queries.dtype.element_ty), mask=(token < tokens)[:, None] & last)


@triton.jit(do_not_specialize=DOCUMENT_COUNTS)
def maxsim_document_gradient(
    grad,
    argmax,
    queries,
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
    document_lengths,
    document_mask,
    document_scales,
    pairs,
    order,
    starts,
    winner_starts,
    query_of_row,
    grad_documents,
    query_count,
    document_count,
    candidates,
    KIND: tl.constexpr,
    DIM: tl.constexpr,
    TURNS: tl.constexpr,
    QUERY_TOKENS: tl.constexpr,
    DOCUMENT_TOKENS: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Blocks of DOCUMENT_TOKENS tokens of a document: the sum over its queries of grad times the rows that chose them.

    The rows of all queries follow each other, row i of query `query_of_row[i]` where they are packed. QUERY_TOKENS of
    them meet at a time, of several queries as of one: a dot product with their grads, zero where they chose others.
    The pairs of document i are `order[starts[i]]` up to `order[starts[i + 1]]`, where they are listed.
    """
    document = tl.program_id(0)
    tokens = token_count(document, document_offsets, None, document_tokens, True)
    length = token_count(document, document_offsets, document_lengths, document_tokens, True)
    document_start = first_row(document, document_offsets, document_stride, document_row_stride, True)
    row_start = first_row(document, document_offsets, document_tokens, 1, True)
    first_entry, last_entry = 0, 1
    if KIND == LISTED:
        first_entry, last_entry = tl.load(starts + document).to(tl.int32), tl.load(starts + document + 1).to(tl.int32)
    ACC: tl.constexpr = grad.dtype.element_ty
    BLOCKS: tl.constexpr = (DIM + DEPTH - 1) // DEPTH
    block = tl.program_id(1) * DOCUMENT_TOKENS
    for first_row_of_block in range(block, tokens, tl.num_programs(1) * DOCUMENT_TOKENS):
        row = first_row_of_block + tl.arange(0, DOCUMENT_TOKENS)
        if document_scales is not None:
            counts = row < length
            if document_mask is not None:
                counts &= tl.load(document_mask + row_start + row, mask=counts, other=0) != 0
            scale = tl.load(document_scales + row_start + row, mask=counts, other=0)
        along = tl.zeros([DOCUMENT_TOKENS], ACC)
        for turn in range(TURNS):
            depth = (tl.program_id(2) + turn) % BLOCKS * DEPTH + tl.arange(0, DEPTH)
            inside = (depth < DIM)[None, :]
            total = tl.zeros([DOCUMENT_TOKENS, DEPTH], ACC)
            if first_row_of_block < length:
                for entry in range(first_entry, last_entry):
                    slot = document
                    query = 0
                    if KIND == GROUPED:
                        query = document // candidates
                    elif KIND == LISTED:
                        slot = tl.load(order + entry).to(tl.int32)
                        query = tl.load(pairs + 2 * slot).to(tl.int32)
                    first = first_row(query, query_offsets, query_tokens, 1, True).to(tl.int32)
                    last = first + token_count(query, query_offsets, None, query_tokens, True)
                    if KIND == IN_BATCH:
                        last = first_row(query_count, query_offsets, query_tokens, 1, True).to(tl.int32)
                    for first_of_tile in range(first, last, QUERY_TOKENS):
                        met = first_of_tile + tl.arange(0, QUERY_TOKENS)
                        met_counts = met < last
                        met_query, scored = tl.zeros_like(met) + query, tl.zeros_like(met) + slot
                        if KIND == IN_BATCH:
                            if query_offsets is not None:
                                met_query = tl.load(query_of_row + met, mask=met_counts, other=0)
                            else:
                                met_query = met // query_tokens
                            scored = met_query.to(tl.int64) * document_count + document
                        winners = winner_start(
                            met_query,
                            document,
                            slot,
                            query_offsets,
                            query_tokens,
                            document_count,
                            winner_starts,
                            met_counts,
                            KIND,
                        )
                        token = met - first_row(met_query, query_offsets, query_tokens, 1, met_counts)
                        if query_mask is not None:
                            met_counts &= tl.load(query_mask + met, mask=met_counts, other=0) != 0
                        slope = tl.load(grad + scored, mask=met_counts, other=0)
                        if query_scales is not None:
                            slope *= tl.load(query_scales + met, mask=met_counts, other=0)
                        winner = tl.load(argmax + winners + token, mask=met_counts, other=0).to(tl.int32)
                        chosen = winner[None, :] == row[:, None]
                        at = queries + met.to(tl.int64)[:, None] * query_row_stride + depth[None, :]
                        factors = load_factors(at, met_counts[:, None] & inside)
                        total = scaled_dot(chosen, factors, slope, total, PRECISION)
            if document_scales is not None:
                at = documents + (document_start + row.to(tl.int64) * document_row_stride)[:, None] + depth[None, :]
                own = load_factors(at, counts[:, None] & inside).to(ACC)
                along += tl.where(turn < BLOCKS, tl.sum(total * own, 1), 0)
                total = normalization_gradient(total, own, scale, along)
            to = grad_documents + (row_start + row)[:, None] * DIM + depth[None, :]
            last_turn = (turn >= TURNS - BLOCKS) & inside
            tl.store(to, total.to(grad_documents.dtype.element_ty), mask=(row < tokens)[:, None] & last_turn)
