"""What may follow the SPLADE head's forward: the largest entries of a row alone, and rows without their zeros."""

import triton
import triton.language as tl

__all__ = ["compress_rows", "count_stored", "keep_largest"]


@triton.jit
def ordered_bits(values, UNSIGNED: tl.constexpr):
    """Unsigned integers in the order of the values: NaN above all others, everything that is not positive at zero."""
    NAN: tl.constexpr = 0x7F800001 if UNSIGNED.primitive_bitwidth == 32 else 0x7FF0000000000001
    bits = tl.where(values > 0, values.to(UNSIGNED, bitcast=True), 0)
    return tl.where(values == values, bits, NAN)


@triton.jit(do_not_specialize=["k"])
def keep_largest(output, vocabulary, k, ENTRIES: tl.constexpr):
    """All but the k largest entries of each row become zero; of equal ones the first are kept.

    The bits of the k-th largest are found two at a time, the highest first, by counting how many entries reach them.
    """
    row = output + tl.program_id(0).to(tl.int64) * vocabulary
    column = tl.arange(0, ENTRIES)
    UNSIGNED: tl.constexpr = tl.uint64 if output.dtype.element_ty == tl.float64 else tl.uint32
    WIDTH: tl.constexpr = UNSIGNED.primitive_bitwidth
    least = tl.full([], 0, UNSIGNED)
    larger = tl.full([], 0, tl.int32)
    step = tl.full([], 1 << (WIDTH - 2), UNSIGNED)
    for _ in range(WIDTH // 2):
        reach_one = tl.zeros([ENTRIES], tl.int32)
        reach_two = tl.zeros([ENTRIES], tl.int32)
        reach_three = tl.zeros([ENTRIES], tl.int32)
        for first in range(0, vocabulary, ENTRIES):
            entry = first + column
            bits = ordered_bits(tl.load(row + entry, mask=entry < vocabulary, other=0), UNSIGNED)
            reach_one += (bits >= least + step).to(tl.int32)
            reach_two += (bits >= least + 2 * step).to(tl.int32)
            reach_three += (bits >= least + 3 * step).to(tl.int32)
        one, two, three = tl.sum(reach_one), tl.sum(reach_two), tl.sum(reach_three)
        steps = (one >= k).to(tl.int32) + (two >= k).to(tl.int32) + (three >= k).to(tl.int32)
        larger = tl.where(steps == 3, larger, tl.where(steps == 2, three, tl.where(steps == 1, two, one)))
        least += steps.to(UNSIGNED) * step
        step >>= 2
    ties = k - larger
    for first in range(0, vocabulary, ENTRIES):
        entry = first + column
        within = entry < vocabulary
        bits = ordered_bits(tl.load(row + entry, mask=within, other=0), UNSIGNED)
        equal = (bits == least).to(tl.int32)
        kept = (bits > least) | ((bits == least) & (tl.cumsum(equal, 0) <= ties))
        ties -= tl.sum(equal)
        tl.store(row + entry, 0, mask=within & ~kept)


@triton.jit
def count_stored(output, counts, vocabulary, ENTRIES: tl.constexpr):
    """How many entries of each row are not zero."""
    row = output + tl.program_id(0).to(tl.int64) * vocabulary
    column = tl.arange(0, ENTRIES)
    stored = tl.zeros([ENTRIES], tl.int64)
    for first in range(0, vocabulary, ENTRIES):
        entry = first + column
        stored += (tl.load(row + entry, mask=entry < vocabulary, other=0) != 0).to(tl.int64)
    tl.store(counts + tl.program_id(0), tl.sum(stored))


@triton.jit
def compress_rows(output, argmax, crow, col, values, winners, vocabulary, ENTRIES: tl.constexpr):
    """The entries of each row that are not zero, one behind the other from `crow`: terms, values, winning tokens."""
    start = tl.program_id(0).to(tl.int64) * vocabulary
    column = tl.arange(0, ENTRIES)
    to = tl.load(crow + tl.program_id(0))
    for first in range(0, vocabulary, ENTRIES):
        entry = first + column
        within = entry < vocabulary
        value = tl.load(output + start + entry, mask=within, other=0)
        stored = value != 0
        place = to + tl.cumsum(stored.to(tl.int32), 0) - 1
        tl.store(col + place, entry.to(tl.int64), mask=stored)
        tl.store(values + place, value, mask=stored)
        if winners is not None:
            tl.store(winners + place, tl.load(argmax + start + entry, mask=stored, other=0), mask=stored)
        to += tl.sum(stored.to(tl.int32))
