"""What divides vectors by their Euclidean lengths."""

import triton
import triton.language as tl
from menura.kernels.loading import load_factors

__all__ = ["inverse_lengths"]


@triton.jit(do_not_specialize=["tokens", "rows"])
def inverse_lengths(
    vectors, stride, row_stride, tokens, scales, rows, DIM: tl.constexpr, ROWS: tl.constexpr, DEPTH: tl.constexpr
):
    """One over the length of each of `rows` vectors, `tokens` of them a text; 0 of zeros."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    known = row < rows
    start = row // tokens * stride + row % tokens * row_stride
    squares = tl.zeros([ROWS], scales.dtype.element_ty)
    for first_depth in range(0, DIM, DEPTH):
        depth = first_depth + tl.arange(0, DEPTH)
        within = known[:, None] & (depth < DIM)[None, :]
        numbers = load_factors(vectors + start[:, None] + depth[None, :], within).to(squares.dtype)
        squares += tl.sum(numbers * numbers, 1)
    tl.store(scales + row, tl.where(squares == 0, 0, 1 / tl.sqrt(squares)), mask=known)
