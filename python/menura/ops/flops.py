"""The FLOPS penalty: the expected cost of scoring sparse vectors (Paria et al. 2020, arXiv 2004.05665)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.ops import library, reference
from menura.ops.availability import has_kernels
from menura.ops.checks import check_choice, check_floating, check_same_device, to_compute_dtype
from menura.ops.differentiation import first_order
from menura.ops.sparse_vectors import untraced_if_sparse, vectors

__all__ = ["flops"]


@untraced_if_sparse
def flops(activations: Tensor, *, estimator: str = "mean", document_frequency: Tensor | None = None) -> Tensor:
    """The squared mean activation of every term, summed over the vocabulary.

    Args:
        activations: `[B,V]`, any floating dtype; dense of any strides, CSR (int32 or int64 indices, columns in any
            order, repeated ones add up) or COO.
        estimator: ``"mean"``, the published one: `sum_v (mean_b |x_bv|)^2`. Its expectation falls with the batch
            size, by the variance over B. ``"unbiased"``: `sum_v ((sum_b |x_bv|)^2 - sum_b x_bv^2) / (B (B - 1))`,
            whose expectation does not depend on B.
        document_frequency: `[V]`, floating point, without gradient: the share of documents, from 0 to 1, in which
            each term is active. `|x_bv|` then counts `w_v |x_bv|` with `w_v = 1 / (1 + (f_v^(log_a 2) - 1)^b)`,
            a = 0.1, b = 10: 0 for a term that never occurs, 1/2 at one document in ten, 1 for a term of every
            document (DF-FLOPS, Porco et al. 2025, arXiv 2505.15070). None: every weight is 1.

    Returns:
        A scalar; float32 (float64 for float64 activations), accumulated in float64. NaN propagates.

    The gradient of a CSR or COO input lies on its stored entries, in its own layout.

    Raises:
        TypeError: `activations` is no floating-point tensor of these layouts, or `document_frequency` no dense one.
        ValueError: the shape, the CSR indices, the estimator, the document frequencies or the number of rows (none,
            or one for ``"unbiased"``) do not fit.

    The backward is deterministic and cannot be differentiated again.
    """
    matrix = vectors("flops", "activations", "[B,V]", activations)
    check_choice("flops", "estimator", estimator, library.ESTIMATORS)
    fewest = 1 if estimator == "mean" else 2
    if activations.shape[0] < fewest:
        raise ValueError(
            f"[flops] the estimator {estimator!r} needs at least {fewest} rows; got {activations.shape[0]}."
        )
    _check_document_frequency(activations, document_frequency)
    if not has_kernels(activations):
        return reference.flops(activations, estimator=estimator, document_frequency=document_frequency)
    (values,) = to_compute_dtype(matrix.values)
    weights = None
    if document_frequency is not None:
        # A column's term is quadratic in its activations.
        weights = reference.document_frequency_weights(document_frequency.to(values.dtype)).square()
    arguments = values, *matrix[1:], weights, activations.shape[1]
    if torch.is_grad_enabled() and values.requires_grad:
        value: Tensor = _Flops.apply(*arguments, estimator)
        return value
    return library.flops(*arguments, estimator)[0]


def _check_document_frequency(activations: Tensor, document_frequency: Tensor | None) -> None:
    if document_frequency is None:
        return
    check_floating("flops", document_frequency=document_frequency)
    check_same_device("flops", activations=activations, document_frequency=document_frequency)
    if document_frequency.shape != activations.shape[1:]:
        raise ValueError(
            f"[flops] document_frequency must have shape {list(activations.shape[1:])}; "
            f"got {list(document_frequency.shape)}."
        )
    if document_frequency.requires_grad:
        raise ValueError("[flops] document_frequency gets no gradient; detach it.")
    # A look at the values would break a traced graph.
    if not torch.compiler.is_compiling() and not ((document_frequency >= 0) & (document_frequency <= 1)).all():
        raise ValueError(
            "[flops] document_frequency must be shares of documents, from 0 to 1; "
            f"got {document_frequency.min():g} to {document_frequency.max():g}."
        )


class _Flops(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        activations: Tensor,
        crow: Tensor | None,
        col: Tensor | None,
        weights: Tensor | None,
        vocabulary: int,
        estimator: str,
    ) -> Tensor:
        value, totals = library.flops(activations, crow, col, weights, vocabulary, estimator)
        ctx.save_for_backward(activations, crow, col, weights, totals)
        ctx.vocabulary, ctx.estimator = vocabulary, estimator
        return value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        *matrix, totals = ctx.saved_tensors
        (grad_activations,) = first_order(
            "flops",
            lambda: (library.flops_backward(grad, *matrix, ctx.vocabulary, totals, ctx.estimator),),
            (grad, matrix[0]),
            ctx.needs_input_grad[:1],
        )
        return grad_activations, None, None, None, None, None
