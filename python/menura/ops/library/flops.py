"""FLOPS as PyTorch knows them."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.library.calling import address, implement, is_fp64, library
from menura.ops.library.memory import grad_like, grad_memory
from menura.ops.library.sparse_vectors import contiguous, vectors
from menura.ops.native import kernels

__all__ = ["ESTIMATORS", "flops", "flops_backward", "flops_outputs"]

ESTIMATORS = ("mean", "unbiased")

_MATRIX = "Tensor activations, Tensor? crow, Tensor? col, Tensor? weights, SymInt vocabulary"
library.define(f"flops({_MATRIX}, str estimator) -> (Tensor, Tensor)")
library.define(f"flops_backward(Tensor grad, {_MATRIX}, Tensor totals, str estimator) -> Tensor")


def flops_outputs(activations: Tensor, vocabulary: int) -> tuple[Tensor, Tensor]:
    return activations.new_empty(()), activations.new_empty(vocabulary)


def _flops_cpu(
    activations: Tensor,
    crow: Tensor | None,
    col: Tensor | None,
    weights: Tensor | None,
    vocabulary: int,
    estimator: str,
) -> tuple[Tensor, Tensor]:
    value, totals = flops_outputs(activations, vocabulary)
    matrix = contiguous(activations, crow, col)
    weights = None if weights is None else weights.contiguous()
    kernels.flops_forward(
        is_fp64(activations),
        (vocabulary, ESTIMATORS.index(estimator)),
        vectors(*matrix),
        address(weights),
        address(value),
        address(totals),
    )
    return value, totals


def _flops_backward_cpu(
    grad: Tensor,
    activations: Tensor,
    crow: Tensor | None,
    col: Tensor | None,
    weights: Tensor | None,
    vocabulary: int,
    totals: Tensor,
    estimator: str,
) -> Tensor:
    grads = grad_memory(activations, True)
    matrix = contiguous(activations, crow, col)
    grad = grad.contiguous()
    weights = None if weights is None else weights.contiguous()
    kernels.flops_backward(
        is_fp64(activations),
        (vocabulary, ESTIMATORS.index(estimator)),
        vectors(*matrix),
        address(weights),
        address(grad),
        address(totals),
        address(grads),
    )
    return grads


implement("flops", cpu=_flops_cpu)
implement("flops_backward", cpu=_flops_backward_cpu)


@torch.library.register_fake("menura::flops")
def _flops_fake(
    activations: Tensor,
    crow: Tensor | None,
    col: Tensor | None,
    weights: Tensor | None,
    vocabulary: int,
    estimator: str,
) -> tuple[Tensor, Tensor]:
    return flops_outputs(activations, vocabulary)


@torch.library.register_fake("menura::flops_backward")
def _flops_backward_fake(
    grad: Tensor,
    activations: Tensor,
    crow: Tensor | None,
    col: Tensor | None,
    weights: Tensor | None,
    vocabulary: int,
    totals: Tensor,
    estimator: str,
) -> Tensor:
    return grad_like(activations, True)


# Bound once: resolving `torch.ops.menura.X.default` at every call costs microseconds.
flops = torch.ops.menura.flops.default
flops_backward = torch.ops.menura.flops_backward.default
