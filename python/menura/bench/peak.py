"""The arithmetic peak of this CPU, burned in the process that is being timed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch

from menura.ops.native import kernels

__all__ = ["peak"]

# The burner's name for a precision.
KINDS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.int8: "int8"}
BURSTS = 50
SECONDS = 0.02


def peak(dtype: torch.dtype, threads: int) -> float | None:
    """FLOP/s of `threads` threads that do nothing but multiply and add; None without kernels or for another dtype.

    The best of many bursts: other load can only lower one, and threads may share a core for their first moments.
    """
    if kernels is None or dtype not in KINDS:
        return None
    with ThreadPoolExecutor(threads) as pool:
        bursts = [
            sum(pool.map(kernels.burn_peak, [KINDS[dtype]] * threads, [SECONDS] * threads)) for _ in range(BURSTS)
        ]
    return float(max(bursts))
