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

    In half precision a scaled factor is the sum of two numbers, which have twice the digits of one.
    """
    scaled = factors.to(sums.dtype) * scales[:, None]
    if factors.dtype.primitive_bitwidth == 16:
        high = scaled.to(factors.dtype)
        low = (scaled - high.to(sums.dtype)).to(factors.dtype)
        weights = chosen.to(factors.dtype)
        sums = tl.dot(weights, high, sums, out_dtype=sums.dtype)
        return tl.dot(weights, low, sums, out_dtype=sums.dtype)
    return tl.dot(chosen.to(sums.dtype), scaled, sums, input_precision=PRECISION, out_dtype=sums.dtype)
