"""FLOPS of the global batch."""

from __future__ import annotations

import torch
from torch import Tensor

from menura import ops
from menura.losses.gathering.columns import column_sums, row_count
from menura.losses.gathering.processes import process_count, require_whole_batch
from menura.ops.reference import document_frequency_weights

__all__ = ["flops"]


def flops(activations: Tensor, *, estimator: str = "mean", document_frequency: Tensor | None = None) -> Tensor:
    """`menura.flops` of the texts of all processes.

    Column sums travel, `[V]` each, instead of the activations: all that the estimators need of other processes.

    Raises:
        ValueError: as `menura.flops`, or the trainer splits its batches.
    """
    require_whole_batch("FLOPS penalties")
    if process_count() == 1:
        return ops.flops(activations, estimator=estimator, document_frequency=document_frequency)
    rows, sums = row_count(activations), column_sums(activations)
    weights = torch.ones_like(sums)
    if document_frequency is not None:
        weights = document_frequency_weights(document_frequency.double())
    terms = (weights * sums).square()
    if estimator == "unbiased":
        squares = weights.square() * column_sums(activations, power=2)
        value = (terms - squares).sum() / (rows * (rows - 1))
    else:
        value = terms.sum() / rows**2
    return value.to(torch.promote_types(activations.dtype, torch.float32))
