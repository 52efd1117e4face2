"""What stands in for a GPU, and for the memory that a kernel must write."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch import Tensor


@contextmanager
def gpu_kernels_on_cpu() -> Iterator[None]:
    """CPU tensors go to the GPU kernels, which Triton's interpreter runs if it was asked for before Triton's import."""
    from menura.ops.library import gpu

    library = torch.library.Library("menura", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that kernels are overridden
        for operator in gpu.__all__:
            library.impl(operator, getattr(gpu, operator), "CPU", allow_override=True)
    yield
    library._destroy()


@contextmanager
def poisoned_memory() -> Iterator[None]:
    """An element that a kernel forgets to write is NaN, or the largest integer, not a lucky zero."""
    new_empty = Tensor.new_empty

    def poisoned(self: Tensor, *args: object, **kwargs: object) -> Tensor:
        tensor = new_empty(self, *args, **kwargs)
        if tensor.device.type == "meta" or torch.compiler.is_compiling():
            return tensor
        if tensor.is_floating_point():
            return tensor.fill_(torch.nan)
        return tensor.fill_(tensor.dtype == torch.bool or torch.iinfo(tensor.dtype).max)

    with patch.object(Tensor, "new_empty", poisoned):
        yield
