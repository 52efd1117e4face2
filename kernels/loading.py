"""Loads of what dot products multiply."""

import triton
import triton.language as tl
from triton import knobs

__all__ = ["INTERPRETED", "load_factors"]

# Triton's interpreter, which tests run on, computes bf16 wrongly.
INTERPRETED = tl.constexpr(knobs.runtime.interpret)


@triton.jit
def load_factors(pointers, mask):
    """Elements as `tl.dot` takes them; 0 where `mask` is false."""
    factors = tl.load(pointers, mask=mask, other=0)
    if INTERPRETED and factors.dtype == tl.bfloat16:
        factors = factors.to(tl.float32)
    return factors
