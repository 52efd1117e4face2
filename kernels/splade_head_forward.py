"""The SPLADE head's forward: logits live in registers, several short texts share a tile, padding costs nothing."""

import triton
import triton.language as tl
from menura.kernels.comparing import first_of_rows, improves, largest, largest_of_rows
from menura.kernels.layouts import first_row, token_count
from menura.kernels.loading import load_factors
from menura.kernels.splade_activation import activate

__all__ = ["splade_head_forward"]

# So many tiles of terms meet all texts before the next ones do: the weights of those tiles stay in the cache.
TILES_TOGETHER = tl.constexpr(8)


@triton.jit(do_not_specialize=["tokens", "texts"])
def splade_head_forward(
    hidden,
    text_stride,
    token_stride,
    tokens,
    offsets,
    lengths,
    mask,
    weight,
    bias,
    output,
    argmax,
    texts,
    vocabulary,
    MAXIMUM: tl.constexpr,
    LOGARITHMS: tl.constexpr,
    DIM: tl.constexpr,
    TERMS: tl.constexpr,
    TEXTS: tl.constexpr,
    TOKENS: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """A program activates TERMS terms of TEXTS texts, and pools them: the maximum, or the sum.

    A tile holds TOKENS tokens of each of its texts. Tokens lie along its columns, which a thread holds several of, so
    that pooling them hardly leaves the registers.
    """
    tiles = tl.cdiv(vocabulary, TERMS)
    programs = tl.cdiv(texts, TEXTS) * TILES_TOGETHER
    first_tile = tl.program_id(0) // programs * TILES_TOGETHER
    together = tl.minimum(tiles - first_tile, TILES_TOGETHER)
    place = tl.program_id(0) % programs
    term = (first_tile + place % together) * TERMS + tl.arange(0, TERMS)
    first_text = place // together * TEXTS
    known_term = term < vocabulary
    weight_row = weight + term.to(tl.int64)[:, None] * DIM

    column = tl.arange(0, TEXTS * TOKENS)
    text = first_text + column // TOKENS
    known = text < texts
    length = token_count(text, offsets, lengths, tokens, known)
    last_token = tl.maximum(length - 1, 0)
    readable = tl.where(length > 0, text, 0)  # nothing lies where the last text would begin, if it is empty
    start = first_row(readable, offsets, text_stride, token_stride, known)
    mask_row = first_row(readable, offsets, tokens, 1, known)
    depth = tl.arange(0, DEPTH)
    ACC: tl.constexpr = tl.float64 if hidden.dtype.element_ty == tl.float64 else tl.float32
    shift = tl.zeros([TERMS], ACC)
    if bias is not None:
        shift += tl.load(bias + term, mask=known_term, other=0)
    pooled = tl.full([TERMS * TEXTS], -float("inf") if MAXIMUM else 0.0, ACC)
    winner = tl.zeros([TERMS * TEXTS], tl.int32)
    for first_token in range(0, tl.max(length), TOKENS):
        # The end repeats the last token, which changes no maximum, instead of hiding what is not there.
        token = tl.minimum(first_token + column % TOKENS, last_token)
        hidden_row = hidden + (start + token.to(tl.int64) * token_stride)[:, None]
        logits = tl.zeros([TERMS, TEXTS * TOKENS], ACC)
        for first_depth in range(0, DIM, DEPTH):
            inside = (first_depth + depth < DIM)[None, :]
            weights = load_factors(weight_row + first_depth + depth[None, :], known_term[:, None] & inside)
            states = load_factors(hidden_row + first_depth + depth[None, :], inside)
            logits = tl.dot(weights, states.T, logits, input_precision=PRECISION, out_dtype=ACC)
        if not MAXIMUM:
            logits = tl.where((first_token + column % TOKENS < length)[None, :], logits + shift[:, None], -float("inf"))
        if mask is not None:
            logits = tl.where((tl.load(mask + mask_row + token) != 0)[None, :], logits, -float("inf"))
        if MAXIMUM:
            # The bias is the same for all tokens and the activation increases, so both come after the maximum.
            logits = tl.reshape(logits, [TERMS * TEXTS, TOKENS])
            value = largest_of_rows(logits)
            if argmax is not None:
                first = first_token + first_of_rows(logits, value, tl.arange(0, TOKENS)[None, :])
                winner = tl.where(improves(value, pooled), first, winner)
            pooled = largest(pooled, value)
        else:
            activated = activate(logits, LOGARITHMS)
            pooled += tl.sum(tl.reshape(activated, [TERMS * TEXTS, TOKENS]), 1)

    pooled = tl.reshape(pooled, [TERMS, TEXTS])
    text = first_text + tl.arange(0, TEXTS)
    known = text < texts
    length = token_count(text, offsets, lengths, tokens, known)
    if MAXIMUM:
        pooled = tl.where((length > 0)[None, :], activate(pooled + shift[:, None], LOGARITHMS), 0)
    at = text.to(tl.int64)[None, :] * vocabulary + term[:, None]
    stored = known_term[:, None] & known[None, :]
    tl.store(output + at, pooled, mask=stored)
    if argmax is not None:
        winner = tl.minimum(tl.reshape(winner, [TERMS, TEXTS]), tl.maximum(length - 1, 0)[None, :])
        tl.store(argmax + at, winner.to(argmax.dtype.element_ty), mask=stored)
