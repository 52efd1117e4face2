"""The FLOPS penalty: the expected cost of scoring sparse vectors (Paria et al. 2020, arXiv 2004.05665)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.ops import library, reference
from menura.ops.checks import check_choice, check_floating, check_rank, to_compute_dtype
from menura.ops.differentiation import first_order
from menura.ops.native import has_kernels

__all__ = ["flops"]


def flops(activations: Tensor, *, estimator: str = "mean") -> Tensor:
    """The squared mean activation of every term, summed over the vocabulary.

    Args:
        activations: `[B,V]`, any floating dtype and strides.
        estimator: ``"mean"``, the published one: `sum_v (mean_b |x_bv|)^2`. Its expectation falls with the batch
            size, by the variance over B. ``"unbiased"``: `sum_v ((sum_b |x_bv|)^2 - sum_b x_bv^2) / (B (B - 1))`,
            whose expectation does not depend on B.

    Returns:
        A scalar; float32 (float64 for float64 inputs), accumulated in float64. NaN propagates.

    Raises:
        TypeError: `activations` is no dense floating-point tensor.
        ValueError: the shape, the estimator or the number of rows (none, or one for ``"unbiased"``) does not fit.

    The backward is deterministic and cannot be differentiated again.
    """
    check_floating("flops", activations=activations)
    check_rank("flops", activations, "activations", "[B,V]", 2)
    check_choice("flops", "estimator", estimator, library.ESTIMATORS)
    fewest = 1 if estimator == "mean" else 2
    if activations.shape[0] < fewest:
        raise ValueError(
            f"[flops] the estimator {estimator!r} needs at least {fewest} rows; got {activations.shape[0]}."
        )
    (activations,) = to_compute_dtype(activations)
    if not has_kernels(activations.device):
        return reference.flops(activations, estimator=estimator)
    if torch.is_grad_enabled() and activations.requires_grad:
        value: Tensor = _Flops.apply(activations, estimator)
        return value
    return library.flops(activations, estimator)[0]


class _Flops(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, activations: Tensor, estimator: str) -> Tensor:
        value, totals = library.flops(activations, estimator)
        ctx.save_for_backward(activations, totals)
        ctx.estimator = estimator
        return value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (activations, totals), estimator = ctx.saved_tensors, ctx.estimator
        return *first_order(
            "flops",
            lambda: (library.flops_backward(grad, activations, totals, estimator),),
            (grad, activations),
            ctx.needs_input_grad[:1],
        ), None
