"""FLOPS on a GPU: the launches, and the sum over the vocabulary."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.kernels.flops import flops_gradient, flops_of_columns, flops_of_postings
from menura.kernels.launching import launch
from menura.kernels.tuning import tuning
from menura.ops.library.calling import as_rows
from menura.ops.library.flops import flops_outputs
from menura.ops.library.gpu.sparse_vectors import Vectors, vectors
from menura.ops.library.memory import grad_like

__all__ = ["flops", "flops_backward"]


def flops(
    activations: Tensor,
    crow: Tensor | None,
    col: Tensor | None,
    weights: Tensor | None,
    vocabulary: int,
    estimator: str,
) -> tuple[Tensor, Tensor]:
    matrix = vectors(activations, crow, col, vocabulary)
    value, totals = flops_outputs(activations, vocabulary)
    terms = totals.new_empty(vocabulary, dtype=torch.float64)
    weights = None if weights is None else weights.contiguous()
    unbiased = estimator == "unbiased"
    if crow is None:
        _of_columns(as_rows(activations), weights, totals, terms, unbiased)
    else:
        _of_postings(matrix, weights, totals, terms, unbiased)
    return value.copy_(terms.sum() / _pairs(matrix.rows, unbiased)), totals


def _of_columns(activations: Tensor, weights: Tensor | None, totals: Tensor, terms: Tensor, unbiased: bool) -> None:
    sizes, (rows, columns) = tuning("flops_of_columns", totals.dtype), activations.shape
    launch(
        flops_of_columns,
        (-(-columns // sizes.columns),),
        totals.device,
        activations,
        activations.stride(0),
        weights,
        totals,
        terms,
        rows,
        columns,
        UNBIASED=unbiased,
        ROWS=sizes.rows,
        COLUMNS=sizes.columns,
        **sizes.options,
    )


def _of_postings(matrix: Vectors, weights: Tensor | None, totals: Tensor, terms: Tensor, unbiased: bool) -> None:
    sizes, postings = tuning("flops_of_postings", totals.dtype), matrix.by_column()
    launch(
        flops_of_postings,
        (-(-matrix.vocabulary // sizes.rows),),
        totals.device,
        postings.merged(),
        postings.rows,
        postings.starts,
        weights,
        totals,
        terms,
        matrix.vocabulary,
        UNBIASED=unbiased,
        COLUMNS=sizes.rows,
        ENTRIES=sizes.columns,
        **sizes.options,
    )


def flops_backward(
    grad: Tensor,
    activations: Tensor,
    crow: Tensor | None,
    col: Tensor | None,
    weights: Tensor | None,
    vocabulary: int,
    totals: Tensor,
    estimator: str,
) -> Tensor:
    matrix = vectors(activations, crow, col, vocabulary)
    grads = grad_like(activations, True)
    unbiased = estimator == "unbiased"
    factor = 2 * grad / _pairs(matrix.rows, unbiased)
    factors = factor * (torch.ones_like(totals) if weights is None else weights)
    if crow is not None:
        postings = matrix.by_column()
        values = postings.merged()
        others = totals[postings.columns] - values.abs() if unbiased else totals[postings.columns]
        grads[postings.order] = values.sign() * (factors[postings.columns] * others)
        return grads
    activations, sizes = as_rows(activations), tuning("flops_gradient", grads.dtype)
    launch(
        flops_gradient,
        (-(-vocabulary // sizes.columns), -(-matrix.rows // sizes.rows)),
        grads.device,
        activations,
        activations.stride(0),
        totals,
        factors,
        grads,
        matrix.rows,
        vocabulary,
        UNBIASED=unbiased,
        ROWS=sizes.rows,
        COLUMNS=sizes.columns,
        **sizes.options,
    )
    return grads


def _pairs(rows: int, unbiased: bool) -> int:
    """How many pairs of rows the estimator averages over."""
    return rows * (rows - 1) if unbiased else rows * rows
