"""What both students' batches have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

__all__ = ["Encoded", "Features", "stack_padded"]

# What the model takes of one column: token ids `[B,L]`, their mask and the task.
Features = dict[str, Any]


class Encoded(ABC):
    """B queries with N passages each, encoded, beside what the teacher says of them.

    Args:
        logits: the teacher's scores `[B,N]`, on the student's scale.
        weights: `[B,N]`, how much each logit counts. None: all the same.
        features: what was encoded, the queries' and one column for each of the N passages.
    """

    def __init__(self, logits: Tensor, weights: Tensor | None, features: list[Features]) -> None:
        self.logits = logits
        self.weights = weights
        self.features = features

    @property
    @abstractmethod
    def scores(self) -> Tensor:
        """The student's scores `[B,N]` of each query's own passages."""

    @property
    @abstractmethod
    def in_batch_scores(self) -> Tensor:
        """The student's scores `[B,M]` of each query and all passages.

        The first `B*N` columns are the batch's own passages, those of the first query first; then come those of other
        processes, each in the same order.
        """


def stack_padded(columns: list[Tensor]) -> Tensor:
    """N columns `[B,L_n,...]` of different lengths as `[B,N,L,...]`, padded with zeros."""
    length = max(column.shape[1] for column in columns)
    padded = [
        torch.cat([column, column.new_zeros(column.shape[0], length - column.shape[1], *column.shape[2:])], dim=1)
        for column in columns
    ]
    return torch.stack(padded, dim=1)
