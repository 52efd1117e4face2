"""The SPLADE head's backward where it took maxima: work in proportion to the active entries, no atomics.

Each program owns what it writes, and every sum has one order. The entries of row i are `crow[i]` up to `crow[i + 1]`,
of the terms `col`; without them, all of the vocabulary.
"""

import triton
import triton.language as tl
from menura.kernels.layouts import first_row, token_count
from menura.kernels.loading import load_factors, scaled_dot
from menura.kernels.splade_activation import slope_at_output

__all__ = ["splade_head_hidden_gradient", "splade_head_lists", "splade_head_weight_gradient"]


@triton.jit
def is_active(output):
    """Whether a gradient flows through an output: it is positive, or NaN."""
    return ~(output <= 0)


@triton.jit(do_not_specialize=["texts"])
def splade_head_weight_gradient(
    grad,
    output,
    argmax,
    order,
    starts,
    rows,
    hidden,
    text_stride,
    token_stride,
    offsets,
    grad_weight,
    grad_bias,
    texts,
    vocabulary,
    LOGARITHMS: tl.constexpr,
    DIM: tl.constexpr,
    TERMS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """TERMS rows of the weight: the sum over the texts of gradient times winning state, in the order of the texts.

    Stored entries of term i are `order[starts[i]]` up to `order[starts[i + 1]]`, and their texts are `rows`.
    """
    term = tl.program_id(0) * TERMS + tl.arange(0, TERMS)
    depth = tl.program_id(1) * DEPTH + tl.arange(0, DEPTH)
    known = term < vocabulary
    count = texts
    first = term
    if starts is not None:
        first = tl.load(starts + term, mask=known, other=0)
        counts = tl.load(starts + term + 1, mask=known, other=0) - first
        count = tl.max(counts).to(tl.int32)
    ACC: tl.constexpr = grad.dtype.element_ty
    total = tl.zeros([TERMS, DEPTH], ACC)
    bias_total = tl.zeros([TERMS], ACC)
    for i in range(count):
        if starts is not None:
            active = i < counts
            entry = tl.load(order + first + i, mask=active, other=0)
            text = tl.load(rows + entry, mask=active, other=0)
        else:
            text = tl.zeros_like(term) + i
            entry = text.to(tl.int64) * vocabulary + term
            active = known
        value = tl.load(output + entry, mask=active, other=0)
        active &= is_active(value)
        slope = tl.load(grad + entry, mask=active, other=0) * slope_at_output(value, LOGARITHMS)
        slope = tl.where(active, slope, 0)
        bias_total += slope
        if grad_weight is not None:
            token = tl.load(argmax + entry, mask=active, other=0).to(tl.int64)
            state = first_row(text, offsets, text_stride, token_stride, active) + token * token_stride
            at = hidden + state[:, None] + depth[None, :]
            total += slope[:, None] * load_factors(at, active[:, None] & (depth < DIM)[None, :]).to(ACC)
    if grad_weight is not None:
        to = grad_weight + term.to(tl.int64)[:, None] * DIM + depth[None, :]
        tl.store(to, total.to(grad_weight.dtype.element_ty), mask=known[:, None] & (depth < DIM)[None, :])
    if grad_bias is not None and tl.program_id(1) == 0:
        tl.store(grad_bias + term, bias_total, mask=known)


@triton.jit
def entries_of_row(row, crow, vocabulary):
    """Where a row's entries begin, int64, and how many they are."""
    if crow is not None:
        first = tl.load(crow + row)
        return first, (tl.load(crow + row + 1) - first).to(tl.int32)
    return row.to(tl.int64) * vocabulary, vocabulary


@triton.jit
def splade_head_lists(
    output,
    argmax,
    crow,
    lists,
    starts,
    vocabulary,
    TOKENS: tl.constexpr,
    ENTRIES: tl.constexpr,
):
    """The active entries of a row, sorted by the block of tokens that takes their gradient: `lists`, like `output`.

    Block i of TOKENS tokens is of list `i % n`, which is `lists[starts[i]]` up to `lists[starts[i + 1]]`, counted
    from the row's first entry. Each program writes one of the n lists.
    """
    row = tl.program_id(0)
    own = tl.program_id(1)
    n = tl.num_programs(1)
    first, count = entries_of_row(row, crow, vocabulary)
    entry = tl.arange(0, ENTRIES)
    start = 0
    if own > 0:
        earlier = tl.zeros([ENTRIES], tl.int32)
        for first_entry in range(0, count, ENTRIES):
            at = first + first_entry + entry
            within = first_entry + entry < count
            active = within & is_active(tl.load(output + at, mask=within, other=0))
            token = tl.load(argmax + at, mask=active, other=0).to(tl.int32)
            earlier += (active & (token // TOKENS % n < own)).to(tl.int32)
        start += tl.sum(earlier)
    to_start = starts + row * (n + 1) + own
    tl.store(to_start, start)
    for first_entry in range(0, count, ENTRIES):
        at = first + first_entry + entry
        within = first_entry + entry < count
        active = within & is_active(tl.load(output + at, mask=within, other=0))
        token = tl.load(argmax + at, mask=active, other=0).to(tl.int32)
        listed = (active & (token // TOKENS % n == own)).to(tl.int32)
        to = lists + first + start + tl.cumsum(listed) - 1
        tl.store(to, first_entry + entry, mask=listed > 0)
        start += tl.sum(listed)
    if own == n - 1:
        tl.store(to_start + 1, start)


@triton.jit(do_not_specialize=["tokens"])
def splade_head_hidden_gradient(
    grad,
    output,
    argmax,
    crow,
    col,
    lists,
    starts,
    weight,
    grad_hidden,
    tokens,
    offsets,
    vocabulary,
    LOGARITHMS: tl.constexpr,
    DIM: tl.constexpr,
    TOKENS: tl.constexpr,
    DEPTH: tl.constexpr,
    ENTRIES: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """The blocks of TOKENS tokens that a list is of: the sum of gradient times weight over the entries they won."""
    text = tl.program_id(0)
    own = tl.program_id(1)
    n = tl.num_programs(1)
    depth = tl.program_id(2) * DEPTH + tl.arange(0, DEPTH)
    inside = depth < DIM
    first, _ = entries_of_row(text, crow, vocabulary)
    first_listed = tl.load(starts + text * (n + 1) + own)
    last_listed = tl.load(starts + text * (n + 1) + own + 1)
    length = token_count(text, offsets, None, tokens, True)
    row_start = first_row(text, offsets, tokens, 1, True)
    ACC: tl.constexpr = grad.dtype.element_ty
    for first_token in range(own * TOKENS, length, n * TOKENS):
        token = first_token + tl.arange(0, TOKENS)
        total = tl.zeros([TOKENS, DEPTH], ACC)
        for first_entry in range(first_listed, last_listed, ENTRIES):
            place = first_entry + tl.arange(0, ENTRIES)
            known = place < last_listed
            entry = tl.load(lists + first + place, mask=known, other=0)
            at = first + entry
            term = entry
            if col is not None:
                term = tl.load(col + at, mask=known, other=0)
            value = tl.load(output + at, mask=known, other=0)
            slope = tl.load(grad + at, mask=known, other=0) * slope_at_output(value, LOGARITHMS)
            winner = tl.load(argmax + at, mask=known, other=0).to(tl.int32)
            weights = load_factors(
                weight + term.to(tl.int64)[:, None] * DIM + depth[None, :], known[:, None] & inside[None, :]
            )
            total = scaled_dot(winner[None, :] == token[:, None], weights, slope, total, PRECISION)
        to = grad_hidden + (row_start + token)[:, None] * DIM + depth[None, :]
        tl.store(to, total.to(grad_hidden.dtype.element_ty), mask=(token < length)[:, None] & inside[None, :])
