"""The FLOPS penalty: a program owns columns and adds them up in float64, which keeps one row's term exactly zero."""

import triton
import triton.language as tl

__all__ = ["flops_gradient", "flops_of_columns", "flops_of_postings"]


@triton.jit(do_not_specialize=["row_count"])
def flops_of_columns(
    activations,
    row_stride,
    weights,
    totals,
    terms,
    row_count,
    column_count,
    UNBIASED: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Of COLUMNS columns of a dense matrix the sums of |x|, and their terms of the penalty."""
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    inside = column < column_count
    magnitudes = tl.zeros([ROWS, COLUMNS], tl.float64)
    squares = tl.zeros([ROWS, COLUMNS], tl.float64)
    for first_row in range(0, row_count, ROWS):
        row = first_row + tl.arange(0, ROWS)
        at = row.to(tl.int64)[:, None] * row_stride + column[None, :]
        x = tl.load(activations + at, mask=(row < row_count)[:, None] & inside[None, :], other=0).to(tl.float64)
        magnitudes += tl.abs(x)
        if UNBIASED:
            squares += x * x
    _store(tl.sum(magnitudes, 0), tl.sum(squares, 0), weights, totals, terms, column, inside)


@triton.jit
def flops_of_postings(
    values,
    rows,
    starts,
    weights,
    totals,
    terms,
    column_count,
    UNBIASED: tl.constexpr,
    COLUMNS: tl.constexpr,
    ENTRIES: tl.constexpr,
):
    """Of COLUMNS columns of postings, whose repeated entries are merged, the sums of |x|, and their terms."""
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    inside = column < column_count
    first = tl.load(starts + column, mask=inside, other=0)
    count = tl.load(starts + column + 1, mask=inside, other=0) - first
    magnitudes = tl.zeros([COLUMNS, ENTRIES], tl.float64)
    squares = tl.zeros([COLUMNS, ENTRIES], tl.float64)
    for first_entry in range(0, tl.max(count), ENTRIES):
        entry = first_entry + tl.arange(0, ENTRIES)
        at = first[:, None] + entry[None, :]
        within = entry[None, :] < count[:, None]
        row = tl.load(rows + at, mask=within, other=-1)
        # A place that is stored twice counts once.
        within &= row != tl.load(rows + at - 1, mask=within & (entry > 0)[None, :], other=-1)
        x = tl.load(values + at, mask=within, other=0).to(tl.float64)
        magnitudes += tl.abs(x)
        if UNBIASED:
            squares += x * x
    _store(tl.sum(magnitudes, 1), tl.sum(squares, 1), weights, totals, terms, column, inside)


@triton.jit
def _store(magnitudes, squares, weights, totals, terms, column, inside):
    term = magnitudes * magnitudes - squares
    if weights is not None:
        term *= tl.load(weights + column, mask=inside, other=0)
    tl.store(totals + column, magnitudes.to(totals.dtype.element_ty), mask=inside)
    tl.store(terms + column, term, mask=inside)


@triton.jit(do_not_specialize=["row_count"])
def flops_gradient(
    activations,
    row_stride,
    totals,
    factors,
    grad_activations,
    row_count,
    column_count,
    UNBIASED: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """A tile of a dense matrix's gradient: sign(x) times the column's factor and sum, of the others if unbiased."""
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    row = tl.program_id(1).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = column < column_count
    factor = tl.load(factors + column, mask=inside, other=0)[None, :]
    total = tl.load(totals + column, mask=inside, other=0)[None, :]
    known = (row < row_count)[:, None] & inside[None, :]
    x = tl.load(activations + row[:, None] * row_stride + column[None, :], mask=known, other=0)
    sign = (x > 0).to(x.dtype) - (x < 0).to(x.dtype)
    if UNBIASED:
        total -= tl.abs(x)
    tl.store(grad_activations + row[:, None] * column_count + column[None, :], sign * (factor * total), mask=known)
