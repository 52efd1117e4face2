"""What both students' batches have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import torch
from torch import Tensor

from menura.losses.encoded.features import Features, text_keys
from menura.losses.gathering import of_other_processes

__all__ = ["Encoded", "stack_padded"]


class Encoded(ABC):
    """B queries with N passages each, encoded, beside what the teacher says of them.

    Args:
        logits: the teacher's scores `[B,N]`, on the student's scale. None: there is no teacher.
        weights: `[B,N]`, how much each logit counts. None: all the same.
        features: what was encoded, the queries' and one column for each of the N passages.
    """

    def __init__(self, logits: Tensor | None, weights: Tensor | None, features: list[Features]) -> None:
        self._logits = logits
        self.weights = weights
        self.features = features

    @property
    def logits(self) -> Tensor:
        """The teacher's scores `[B,N]`.

        Raises:
            ValueError: there are none.
        """
        if self._logits is None:
            raise ValueError("[losses] nobody has scored this batch; give it logits.")
        return self._logits

    @cached_property
    def query_keys(self) -> Tensor:
        """`[B]`, equal where two queries have the same tokens."""
        return text_keys(self.features[0])

    @cached_property
    def passage_keys(self) -> Tensor:
        """`[M]`, equal where two passages have the same tokens; in the order of `in_batch_scores`."""
        own = torch.stack([text_keys(column) for column in self.features[1:]], dim=1).flatten()
        return torch.cat([own, of_other_processes(own)])

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
