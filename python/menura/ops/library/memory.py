"""Memory for gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.native import kernels

__all__ = ["empty_cache", "grad_like", "grad_memory"]

# Below, malloc lends the same memory again and again; large memory it takes fresh from the system each time.
LEAST_BLOCK = 4 << 20


def grad_like(tensor: Tensor, needed: bool) -> Tensor:
    """Memory for the gradient of `tensor`; an empty tensor where it is not needed."""
    return tensor.new_empty(tensor.shape if needed else (0,))


def grad_memory(tensor: Tensor, needed: bool) -> Tensor:
    """`grad_like` for a kernel to write. Large gradients get memory whose pages an earlier one has touched already."""
    size = tensor.numel() * tensor.element_size()
    if not needed or size < LEAST_BLOCK:
        return grad_like(tensor, needed)
    return torch.frombuffer(kernels.Block(size), dtype=tensor.dtype).view(tensor.shape)


def empty_cache() -> None:
    """Give the memory of past gradients back to the system.

    The operators keep up to 256 MB of it on the CPU, because fresh memory costs a page fault every 4 KB.
    """
    if kernels is not None:
        kernels.release_blocks()
