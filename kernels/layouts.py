"""How texts lie in memory, and which of them meet: the same for every kernel.

Text i of a padded batch begins `i * stride` elements from the first and has `tokens` tokens, or the first `lengths[i]`
of them; of a packed batch its tokens are the rows `offsets[i]` up to `offsets[i + 1]`.
"""

import triton
import triton.language as tl

__all__ = [
    "GROUPED",
    "IN_BATCH",
    "LISTED",
    "counted_tokens",
    "first_row",
    "text_lengths",
    "token_count",
    "winner_start",
]

IN_BATCH = tl.constexpr(0)  # every query with every document
GROUPED = tl.constexpr(1)  # document i with query i // candidates
LISTED = tl.constexpr(2)  # the queries and documents that `pairs` names


@triton.jit
def token_count(text, offsets, lengths, tokens, known):
    """Tokens of each text, int32; 0 where it is not `known`."""
    if lengths is not None:
        return tl.load(lengths + text, mask=known, other=0)
    if offsets is not None:
        first = tl.load(offsets + text, mask=known, other=0)
        return (tl.load(offsets + text + 1, mask=known, other=0) - first).to(tl.int32)
    return tl.where(known, tokens, 0)


@triton.jit
def first_row(text, offsets, stride, row_stride, known):
    """Where each text begins, in elements, int64."""
    if offsets is not None:
        return tl.load(offsets + text, mask=known, other=0).to(tl.int64) * row_stride
    return text.to(tl.int64) * stride


@triton.jit(do_not_specialize=["texts", "tokens"])
def text_lengths(mask, lengths, texts, tokens, offsets, TEXTS: tl.constexpr, TOKENS: tl.constexpr):
    """The tokens of each text up to the last one that its mask lets count."""
    text = tl.program_id(0) * TEXTS + tl.arange(0, TEXTS)
    known = text < texts
    start = first_row(text, offsets, tokens, 1, known)[:, None]
    count = token_count(text, offsets, None, tokens, known)
    last = tl.zeros([TEXTS, TOKENS], tl.int32)
    for first in range(0, tl.max(count), TOKENS):
        token = first + tl.arange(0, TOKENS)[None, :]
        counts = tl.load(mask + start + token, mask=token < count[:, None], other=0) != 0
        last = tl.maximum(last, tl.where(counts, token + 1, 0))
    tl.store(lengths + text, tl.max(last, 1), mask=known)


@triton.jit(do_not_specialize=["texts", "tokens"])
def counted_tokens(mask, order, counts, texts, tokens, TEXTS: tl.constexpr, TOKENS: tl.constexpr):
    """The tokens of each padded text that its mask lets count, one after another in its row of `order`."""
    text = tl.program_id(0) * TEXTS + tl.arange(0, TEXTS)
    known = text < texts
    start = text.to(tl.int64)[:, None] * tokens
    count = tl.zeros([TEXTS], tl.int32)
    for first in range(0, tokens, TOKENS):
        token = first + tl.arange(0, TOKENS)[None, :]
        counted = tl.load(mask + start + token, mask=known[:, None] & (token < tokens), other=0) != 0
        place = count[:, None] + tl.cumsum(counted.to(tl.int32), 1) - 1
        tl.store(order + start + place, tl.broadcast_to(token, [TEXTS, TOKENS]), mask=counted)
        count += tl.sum(counted.to(tl.int32), 1)
    tl.store(counts + text, count, mask=known)


@triton.jit
def winner_start(query, document, slot, offsets, tokens, document_count, winner_starts, known, KIND: tl.constexpr):
    """Where the winners of a query's tokens begin in argmax, int64: `[Nq,Nd,Lq]`, `[Nq,K,Lq]`, or packed likewise."""
    if KIND == LISTED:
        return tl.load(winner_starts + slot).to(tl.int64) + tl.zeros_like(query)
    if KIND == GROUPED:
        return slot.to(tl.int64) * tokens + tl.zeros_like(query)
    if offsets is not None:
        first = tl.load(offsets + query, mask=known, other=0)
        count = tl.load(offsets + query + 1, mask=known, other=0) - first
        return first * document_count + document * count
    return (query.to(tl.int64) * document_count + document) * tokens
