"""What the registrations share: the library, and tensors as the kernels take them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from menura.ops.native import kernels

__all__ = [
    "address",
    "argmax_dtype",
    "as_rows",
    "dtype_code",
    "implement",
    "indices",
    "is_fp64",
    "library",
]

library = torch.library.Library("menura", "DEF")

# In the order of the kernels' Dtype.
_DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.int8)


def implement(operator: str, *, cpu: Callable[..., Any]) -> None:
    """Register the compiled CPU kernel of `operator`, and the function of its name in `library.gpu`."""

    def gpu(*args: Any) -> Any:
        # Imported when a GPU asks for it: Triton takes a second to import and is not everywhere.
        return getattr(import_module("menura.ops.library.gpu"), operator)(*args)

    if kernels is not None:
        library.impl(operator, cpu, "CPU")
    library.impl(operator, gpu, "CUDA")


def argmax_dtype(tokens: int) -> torch.dtype:
    """The narrowest type that holds every token index."""
    if tokens <= 256:
        return torch.uint8
    return torch.int16 if tokens <= 32768 else torch.int32


def as_rows(tensor: Tensor) -> Tensor:
    """The tensor, copied only if its last axis is not contiguous or its leading axes are not laid out in rows."""
    if tensor.dim() == 4:
        tensor = tensor.flatten(0, 1)
    return tensor.contiguous() if tensor.shape[-1] != 1 and tensor.stride(-1) != 1 else tensor


def address(tensor: Tensor | None) -> int:
    """Where the tensor's elements begin; 0 for none."""
    return 0 if tensor is None or tensor.numel() == 0 else tensor.data_ptr()


def indices(argmax: Tensor, wanted: bool = True) -> tuple[int, int]:
    """Address and bytes an index; 0 bytes: not wanted."""
    return (argmax.data_ptr(), argmax.element_size()) if wanted else (0, 0)


def dtype_code(tensor: Tensor) -> int:
    """How the kernels call the tensor's dtype."""
    return _DTYPES.index(tensor.dtype)


def is_fp64(tensor: Tensor) -> bool:
    """Whether the double-precision kernels are meant."""
    return tensor.dtype == torch.float64
