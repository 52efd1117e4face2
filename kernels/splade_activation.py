"""The SPLADE head's activation: one logarithm of 1 + the positive part, or two."""

import triton
import triton.language as tl
from menura.kernels.comparing import largest

__all__ = ["activate", "slope_at_output"]


@triton.jit
def log1p(x):
    """log(1 + x) for x >= 0, within an ulp: fdlibm's log1pf with selects for branches."""
    rounded = 1 + x
    lost = tl.where(x < 1, x - (rounded - 1), 1 - (rounded - x)) / rounded
    if x.dtype == tl.float64:
        result = tl.log(rounded) + lost
    else:
        # 1 + x is 2 to the exponent times 1 + f, from the root of 1/2 to that of 2.
        shifted = rounded.to(tl.int32, bitcast=True) + (0x3F800000 - 0x3F3504F3)
        small = x < 0.41421354  # 1 + x needs no reduction, and its rounding would lose bits of x
        exponent = tl.where(small, 0, (shifted >> 23) - 127).to(tl.float32)
        mantissa = ((shifted & 0x007FFFFF) + 0x3F3504F3).to(tl.float32, bitcast=True)
        f = tl.where(small, x, mantissa - 1)
        s = f / (2 + f)
        z = s * s
        w = z * z
        series = z * (0.66666662693 + w * 0.28498786688) + w * (0.40000972152 + w * 0.24279078841)
        half_square = 0.5 * f * f
        low = exponent * 9.0580006145e-06 + tl.where(small, 0, lost)
        result = s * (half_square + series) + low - half_square + f + exponent * 6.9313812256e-01
    return tl.where(x < float("inf"), result, x)


@triton.jit
def activate(logits, LOGARITHMS: tl.constexpr):
    """Zero where a logit is not positive; NaN stays."""
    activated = log1p(largest(logits, 0))
    if LOGARITHMS == 2:
        activated = log1p(activated)
    return activated


@triton.jit
def slope_at_output(output, LOGARITHMS: tl.constexpr):
    """The derivative by the logit at an active output, which is all that a maximum leaves behind."""
    if LOGARITHMS == 2:
        return tl.exp(-output - (tl.exp(output) - 1))
    return tl.exp(-output)
