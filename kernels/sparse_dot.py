"""Dot products of vocabulary vectors: stored entries gather what they meet; every sum has one owner and one order."""

import triton
import triton.language as tl

__all__ = ["paired_products", "sparse_products", "stored_gradient"]


# column_count stays specialized: rows that begin at multiples of 16 load faster.
@triton.jit(do_not_specialize=["row_count"])
def sparse_products(
    values,
    index,
    starts,
    dense,
    not_finite,
    products,
    product_row_stride,
    product_column_stride,
    row_count,
    column_count,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    ENTRIES: tl.constexpr,
):
    """ROWS rows of a sparse matrix times COLUMNS columns of a dense one `[*,column_count]`, ENTRIES of a row at once.

    The entries of row i, `starts[i]` up to `starts[i + 1]`, gather rows of the dense matrix. The numbers that are not
    finite, `not_finite` of each column, make NaN of the zeros that are not stored.
    """
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    known = row < row_count
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = column < column_count
    unmet = tl.load(not_finite + column, mask=inside, other=0)
    all_finite = tl.max(unmet) == 0
    first = tl.load(starts + row, mask=known, other=0)
    count = (tl.load(starts + row + 1, mask=known, other=0) - first).to(tl.int32)
    ACC: tl.constexpr = values.dtype.element_ty
    sums = tl.zeros([ROWS, ENTRIES, COLUMNS], ACC)
    met = tl.zeros([ROWS, COLUMNS], tl.int32)
    for first_entry in range(0, tl.max(count), ENTRIES):
        entry = first_entry + tl.arange(0, ENTRIES)
        stored = entry[None, :] < count[:, None]
        at = first[:, None] + entry[None, :]
        start = tl.load(index + at, mask=stored, other=0).to(tl.int64) * column_count
        numbers = dense + start[:, :, None] + column[None, None, :]
        number = tl.load(numbers, mask=stored[:, :, None] & inside[None, None, :], other=0)
        sums += tl.load(values + at, mask=stored, other=0)[:, :, None] * number
        if not all_finite:
            met += tl.sum((number - number != 0).to(tl.int32), 1)
    total = tl.sum(sums, 1)
    total = tl.where(met < unmet[None, :], float("nan"), total)
    to = row[:, None] * product_row_stride + column.to(tl.int64)[None, :] * product_column_stride
    tl.store(products + to, total, mask=known[:, None] & inside[None, :])


@triton.jit
def stored_gradient(
    grad,
    crow,
    col,
    met_values,
    met_rows,
    met_starts,
    absent,
    target,
    met_count,
    ENTRIES: tl.constexpr,
    POSTINGS: tl.constexpr,
):
    """Every ENTRIES-th block of a row's entries: the sum over the other side's rows of grad times what each met there.

    Column c of the other side is the postings `met_starts[c]` up to `met_starts[c + 1]`, or row c of a dense
    `[V,met_count]`. `absent` is what the rows that lack a column add: 0, or NaN where a gradient is not finite.
    """
    row = tl.program_id(0).to(tl.int64)
    last = tl.load(crow + row + 1)
    ACC: tl.constexpr = grad.dtype.element_ty
    block = tl.load(crow + row) + tl.program_id(1) * ENTRIES
    for first_entry in range(block, last, tl.num_programs(1) * ENTRIES):
        entry = first_entry + tl.arange(0, ENTRIES)
        stored = entry < last
        column = tl.load(col + entry, mask=stored, other=0).to(tl.int64)
        if met_starts is not None:
            first = tl.load(met_starts + column, mask=stored, other=0)
            count = (tl.load(met_starts + column + 1, mask=stored, other=0) - first).to(tl.int32)
        else:
            first = column * met_count
            count = tl.where(stored, met_count, 0)
        sums = tl.zeros([ENTRIES, POSTINGS], ACC)
        for first_posting in range(0, tl.max(count), POSTINGS):
            posting = first_posting + tl.arange(0, POSTINGS)
            within = posting[None, :] < count[:, None]
            at = first[:, None] + posting[None, :]
            if met_rows is not None:
                met = tl.load(met_rows + at, mask=within, other=0)
                weight = tl.load(grad + row * met_count + met, mask=within, other=0)
            else:
                weight = tl.load(grad + row * met_count + posting, mask=posting < met_count, other=0)[None, :]
            sums += weight * tl.load(met_values + at, mask=within, other=0)
        total = tl.sum(sums, 1)
        if absent is not None:
            total += tl.load(absent + row)
        tl.store(target + entry, total, mask=stored)


@triton.jit
def paired_products(
    values,
    value_stride,
    crow,
    col,
    dense,
    dense_stride,
    not_finite,
    products,
    vocabulary,
    ENTRIES: tl.constexpr,
):
    """The product of a row, dense or of a CSR matrix, with the dense row of the same number."""
    row = tl.program_id(0).to(tl.int64)
    first, count = row * value_stride, vocabulary
    if crow is not None:
        first = tl.load(crow + row).to(tl.int64)
        count = (tl.load(crow + row + 1) - first).to(tl.int32)
    ACC: tl.constexpr = values.dtype.element_ty
    sums = tl.zeros([ENTRIES], ACC)
    met = tl.zeros([ENTRIES], tl.int32)
    for first_entry in range(0, count, ENTRIES):
        entry = first_entry + tl.arange(0, ENTRIES)
        stored = entry < count
        column = entry
        if col is not None:
            column = tl.load(col + first + entry, mask=stored, other=0)
        number = tl.load(dense + row * dense_stride + column, mask=stored, other=0)
        sums += tl.load(values + first + entry, mask=stored, other=0) * number
        met += (number - number != 0).to(tl.int32)
    total = tl.sum(sums)
    if not_finite is not None:
        total = tl.where(tl.sum(met) < tl.load(not_finite + row), float("nan"), total)
    tl.store(products + row, total)
