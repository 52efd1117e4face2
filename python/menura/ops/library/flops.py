"""FLOPS as PyTorch knows them."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.library.calling import address, is_fp64, library
from menura.ops.native import kernels

__all__ = ["ESTIMATORS", "flops", "flops_backward"]

ESTIMATORS = ("mean", "unbiased")

library.define("flops(Tensor activations, str estimator) -> (Tensor, Tensor)")
library.define("flops_backward(Tensor grad, Tensor activations, Tensor totals, str estimator) -> Tensor")


def _flops_sizes(activations: Tensor, estimator: str) -> tuple[int, int, int]:
    return (*activations.shape, ESTIMATORS.index(estimator))


def _flops_cpu(activations: Tensor, estimator: str) -> tuple[Tensor, Tensor]:
    value, totals = activations.new_empty(()), activations.new_empty(activations.shape[1])
    activations = activations.contiguous()
    kernels.flops_forward(
        is_fp64(activations),
        _flops_sizes(activations, estimator),
        address(activations),
        address(value),
        address(totals),
    )
    return value, totals


def _flops_backward_cpu(grad: Tensor, activations: Tensor, totals: Tensor, estimator: str) -> Tensor:
    grads = activations.new_empty(activations.shape)
    grad, activations = grad.contiguous(), activations.contiguous()
    kernels.flops_backward(
        is_fp64(activations),
        _flops_sizes(activations, estimator),
        address(activations),
        address(grad),
        address(totals),
        address(grads),
    )
    return grads


if kernels is not None:
    library.impl("flops", _flops_cpu, "CPU")
    library.impl("flops_backward", _flops_backward_cpu, "CPU")


@torch.library.register_fake("menura::flops")
def _flops_fake(activations: Tensor, estimator: str) -> tuple[Tensor, Tensor]:
    return activations.new_empty(()), activations.new_empty(activations.shape[1])


@torch.library.register_fake("menura::flops_backward")
def _flops_backward_fake(grad: Tensor, activations: Tensor, totals: Tensor, estimator: str) -> Tensor:
    return activations.new_empty(activations.shape)


# Bound once: resolving `torch.ops.menura.X.default` at every call costs microseconds.
flops = torch.ops.menura.flops.default
flops_backward = torch.ops.menura.flops_backward.default
