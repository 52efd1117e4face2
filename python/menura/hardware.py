"""What the processors here can do."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

__all__ = ["cpu_features", "has_bf16", "own_gpu"]

CPU_INFO = Path("/proc/cpuinfo")
# On x86 either multiplies bf16 numbers; "bf16" is what Arm calls it.
BF16_FEATURES = {"avx512_bf16", "amx_bf16", "bf16"}


@cache
def cpu_features() -> frozenset[str]:
    """Flags of the CPU by their names in Linux; none where they cannot be read."""
    try:
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    named = (line.partition(":") for line in lines)
    return frozenset(next((flags.split() for name, _, flags in named if name.strip() in {"flags", "Features"}), ()))


def own_gpu() -> str | None:
    """The GPU of this process, as `torch.cuda.set_device` left it; None without one."""
    return f"cuda:{torch.cuda.current_device()}" if torch.cuda.is_available() else None


def has_bf16() -> bool:
    """Whether models that are trained or run here multiply bf16 numbers in hardware, rather than far slower than
    float32 ones.
    """
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return not torch.accelerator.is_available() and not BF16_FEATURES.isdisjoint(cpu_features())
