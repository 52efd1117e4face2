"""The entries of a sparse matrix sorted by column, then by row: those of one place in the matrix lie side by side."""

import triton
import triton.language as tl

__all__ = ["merge_repeated"]


@triton.jit(do_not_specialize=["count"])
def merge_repeated(values, columns, rows, merged, count, ENTRIES: tl.constexpr):
    """For every entry the sum of all that share its row and column. The first of them adds up and writes for all."""
    entry = tl.program_id(0).to(tl.int64) * ENTRIES + tl.arange(0, ENTRIES)
    known = entry < count
    column = tl.load(columns + entry, mask=known, other=-1)
    row = tl.load(rows + entry, mask=known, other=-1)
    before = known & (entry > 0)
    repeats = before & (tl.load(columns + entry - 1, mask=before, other=-1) == column)
    repeats &= tl.load(rows + entry - 1, mask=repeats, other=-1) == row
    shares = known & ~repeats
    total = tl.zeros([ENTRIES], values.dtype.element_ty)
    shared = tl.zeros([ENTRIES], tl.int32)
    distance = 0
    while tl.max(shares.to(tl.int32)) > 0:
        total += tl.load(values + entry + distance, mask=shares, other=0)
        shared += shares.to(tl.int32)
        distance += 1
        shares &= entry + distance < count
        shares &= tl.load(columns + entry + distance, mask=shares, other=-1) == column
        shares &= tl.load(rows + entry + distance, mask=shares, other=-1) == row
    for step in range(tl.max(shared)):
        tl.store(merged + entry + step, total, mask=step < shared)
