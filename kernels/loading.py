"""What dot products multiply."""

import triton
import triton.language as tl
from triton import knobs

__all__ = ["INTERPRETED", "load_factors", "scaled_dot"]

# Triton's interpreter, which tests run on, computes bf16 wrongly.
INTERPRETED = tl.constexpr(knobs.runtime.interpret)


@triton.jit
def load_factors(pointers, mask):
    """Elements as `tl.dot` takes them; 0 where `mask` is false."""
    factors = tl.load(pointers, mask=mask, other=0)
    if INTERPRETED and factors.dtype == tl.bfloat16:
        factors = factors.to(tl.float32)
    return factors


@triton.jit
def scaled_dot(chosen, factors, scales, sums, PRECISION: tl.constexpr):
    """`sums` plus, for each row of booleans, the factors that it chooses, each row of them times its scale.

    Beside half precision a scale is the sum of two numbers in bf16, which has the range of float32 and a third of its
    digits; a factor in fp16 is exactly such a sum.
    """
    if factors.dtype.primitive_bitwidth == 16 and not INTERPRETED:
        high, low = in_two(scales)
        high, low = tl.where(chosen, high[None, :], 0), tl.where(chosen, low[None, :], 0)
        if factors.dtype == tl.float16:
            factors, rest = in_two(factors)
            sums = tl.dot(high, rest, sums, out_dtype=sums.dtype)
        sums = tl.dot(low, factors, sums, out_dtype=sums.dtype)
        return tl.dot(high, factors, sums, out_dtype=sums.dtype)
    weights = tl.where(chosen, scales[None, :], 0)
    return tl.dot(weights, factors.to(sums.dtype), sums, input_precision=PRECISION, out_dtype=sums.dtype)


@triton.jit
def in_two(numbers):
    """Numbers as the sum of two in bf16."""
    high = numbers.to(tl.bfloat16)
    return high, (numbers.to(tl.float32) - high.to(tl.float32)).to(tl.bfloat16)
