"""Where kernels of ours run, and where the reference does."""

from __future__ import annotations

import importlib.util
import logging
import os
from functools import cache

import torch
from torch import Tensor

from menura.errors import MenuraError
from menura.ops.native import kernels

__all__ = ["gpu_obstacle", "has_kernels"]

logger = logging.getLogger(__name__)

CHOICES = ("auto", "triton", "reference")


def has_kernels(tensor: Tensor) -> bool:
    """Whether kernels of ours run on the device of `tensor` and in its dtype; where not, the reference does.

    That is said once. The environment variable ``MENURA_GPU`` may be ``reference``, which keeps GPUs on the reference,
    or ``triton``, which makes an error of every reason to run it.
    """
    obstacle = _obstacle(tensor.device, tensor.dtype)
    if obstacle and not torch.compiler.is_compiling():
        _say_reference_runs(obstacle)
    return obstacle is None


@cache
def gpu_obstacle(device: torch.device) -> str | None:
    """Why Triton kernels do not run on this GPU; None: they do."""
    choice = os.environ.get("MENURA_GPU", "auto")
    if choice not in CHOICES:
        raise MenuraError(f"[ops] MENURA_GPU must be one of {', '.join(CHOICES)}; got {choice!r}.")
    obstacle = "MENURA_GPU asks for the reference" if choice == "reference" else _missing(device)
    if obstacle and choice == "triton":
        raise MenuraError(f"[ops] MENURA_GPU=triton asks for kernels, but {obstacle}.")
    return obstacle


@torch.compiler.assume_constant_result
def _obstacle(device: torch.device, dtype: torch.dtype) -> str | None:
    if device.type in {"cpu", "meta"}:
        return None if kernels is not None else "this installation has no compiled kernels"
    if device.type != "cuda":
        return f"there are no kernels for {device.type} tensors"
    if dtype == torch.float64 and gpu_obstacle(device) is None:
        return "there are no kernels for float64 on a GPU"
    return gpu_obstacle(device)


def _missing(device: torch.device) -> str | None:
    if importlib.util.find_spec("triton") is None:
        return "Triton is not installed"
    capability = torch.cuda.get_device_capability(device)
    if torch.version.hip is None and capability < (8, 0):
        return f"{torch.cuda.get_device_name(device)} is older than compute capability 8.0"
    return None


@cache
def _say_reference_runs(obstacle: str) -> None:
    logger.warning("%s: the reference implementation runs.", obstacle[0].upper() + obstacle[1:])
