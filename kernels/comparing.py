"""Maxima in the order of `torch.max`: NaN is the largest value, and the lowest index wins a tie."""

import triton
import triton.language as tl
from menura.kernels.loading import INTERPRETED

__all__ = ["first_of_rows", "improves", "largest", "largest_of_rows"]


@triton.jit
def largest(value, other):
    """The larger value; NaN if one of them is."""
    return tl.maximum(value, other, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def improves(value, best):
    """Whether a later value replaces the best: strictly larger, or the first NaN."""
    return ~(value <= best) & (best == best)


@triton.jit
def largest_of_rows(values):
    """The largest value of each row."""
    if INTERPRETED:
        # There, a reduction by a function of one's own goes through Python element by element.
        any_nan = tl.max((values != values).to(tl.int32), 1) > 0
        return tl.where(any_nan, float("nan"), tl.max(values, 1))
    return tl.reduce(values, 1, largest)


@triton.jit
def first_of_rows(values, largest_values, indices):
    """The lowest index at which each row has its largest value: NaN, if any, or an infinity before it.

    One comparison tells, in which NaN is never less.
    """
    bound = tl.where(largest_values != largest_values, float("inf"), largest_values)
    found = ~(values < bound[:, None])
    return tl.min(tl.where(found, indices, 2147483647), 1)
