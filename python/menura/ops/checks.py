"""Checks that several operators share. Messages name the operator and the values."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "as_mask",
    "check_choice",
    "check_floating",
    "check_rank",
    "check_same_device",
    "distinct",
    "to_compute_dtype",
]


def check_floating(operator: str, **tensors: Tensor | None) -> None:
    """Every tensor must be a dense floating-point tensor; None is passed over."""
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        if not isinstance(tensor, Tensor):
            raise TypeError(f"[{operator}] {name} must be a torch.Tensor; got {type(tensor).__name__}.")
        if tensor.layout != torch.strided:
            raise TypeError(f"[{operator}] {name} must be dense; got layout {tensor.layout}.")
        if not tensor.dtype.is_floating_point:
            raise TypeError(f"[{operator}] {name} must be floating point; got {tensor.dtype}.")


def check_rank(operator: str, tensor: Tensor, name: str, shape: str, *ranks: int) -> None:
    """`tensor` must have one of `ranks` dimensions, written out in `shape`."""
    if tensor.dim() not in ranks:
        raise ValueError(f"[{operator}] {name} must be {shape}; got shape {list(tensor.shape)}.")


def check_same_device(operator: str, **tensors: Tensor | None) -> None:
    """All tensors must be on one device; None is passed over."""
    devices = {name: tensor.device for name, tensor in tensors.items() if tensor is not None}
    if len(set(devices.values())) > 1:
        found = ", ".join(f"{name} on {device}" for name, device in devices.items())
        raise ValueError(f"[{operator}] all tensors must be on one device; got {found}.")


def check_choice(operator: str, name: str, value: str, choices: tuple[str, ...]) -> None:
    """`value` must be one of `choices`."""
    if value not in choices:
        raise ValueError(f"[{operator}] {name} must be one of {', '.join(choices)}; got {value!r}.")


def as_mask(operator: str, mask: Tensor | None, name: str, shape: torch.Size) -> Tensor | None:
    """A contiguous boolean mask of exactly `shape`; any non-zero entry counts as True."""
    if mask is None:
        return None
    if not isinstance(mask, Tensor):
        raise TypeError(f"[{operator}] {name} must be a torch.Tensor; got {type(mask).__name__}.")
    if mask.shape != shape:
        raise ValueError(f"[{operator}] {name} must have shape {list(shape)}; got {list(mask.shape)}.")
    return mask.bool().contiguous()


def to_compute_dtype(*tensors: Tensor) -> tuple[Tensor, ...]:
    """float64 for all where one is float64; else float32, half precision included."""
    dtype = torch.float64 if any(tensor.dtype == torch.float64 for tensor in tensors) else torch.float32
    return tuple(tensor.to(dtype) for tensor in tensors)


def distinct(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensor objects, also where one was passed twice: torch.compile traces no Function that takes one twice."""
    return first, second.view_as(second) if second is first else second
