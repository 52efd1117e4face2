"""The correctness gate: nothing is timed that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Errors", "errors_of", "wrong"]


@dataclass(frozen=True)
class Errors:
    """Distances from float64, relative to its norm: of the output, and of the worst gradient (None: there is none)."""

    output: float
    gradient: float | None


# The head's ReLU takes most of a logit away, and leaves all of its rounding. In bfloat16 PyTorch rounds similarities
# before it compares them, and so gives gradients to other tokens, close ones.
TOLERANCES = {
    torch.float32: Errors(3e-5, 1e-3),
    torch.float16: Errors(5e-3, 0.1),
    torch.bfloat16: Errors(2e-2, 0.3),
}


def errors_of(results: Sequence[Tensor], truth: Sequence[Tensor], entries: Sequence[Tensor] | None = None) -> Errors:
    """Compare output and gradients with those in float64.

    Args:
        results: a provider's output, and its gradients.
        truth: the same in float64.
        entries: for each gradient, where it counts. None: everywhere.
    """
    output, *gradients = results
    exact_output, *exact_gradients = truth
    counted: Sequence[Tensor | None] = entries if entries is not None else [None] * len(exact_gradients)
    distances = [
        _distance(got, exact, where) for got, exact, where in zip(gradients, exact_gradients, counted, strict=True)
    ]
    return Errors(_distance(output, exact_output), max(distances, default=None))


def wrong(errors: Errors, dtype: torch.dtype) -> str | None:
    """What is beyond the tolerance of `dtype`, in words; None where nothing is."""
    allowed = TOLERANCES[dtype]
    # Negated, so that NaN is wrong.
    if not errors.output <= allowed.output:
        return f"its output is off by {errors.output:.1e}, allowed are {allowed.output:.0e}"
    if errors.gradient is not None and not errors.gradient <= (allowed.gradient or 0):
        return f"a gradient is off by {errors.gradient:.1e}, allowed are {allowed.gradient:.0e}"
    return None


def _distance(got: Tensor, exact: Tensor, counted: Tensor | None = None) -> float:
    if got.shape != exact.shape:
        return float("inf")
    difference = got.to_dense().double() - exact
    if counted is not None:
        difference, exact = difference[counted], exact[counted]
    return float(difference.norm() / exact.norm())
