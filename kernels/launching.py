"""Launches of kernels on the device of their tensors."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
import triton

__all__ = ["block", "launch"]


def block(size: int, least: int, most: int) -> int:
    """The power of two that covers `size`, from `least` to `most`."""
    return int(min(max(triton.next_power_of_2(size), least), most))


def launch(kernel: Any, grid: tuple[int, ...], device: torch.device, *args: Any, **options: Any) -> None:
    """Run `kernel` on `device`; nothing where the grid is empty."""
    if 0 in grid:
        return
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        kernel[grid](*args, **options)
