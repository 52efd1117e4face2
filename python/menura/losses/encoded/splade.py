"""A batch of sparse vocabulary vectors."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from menura.losses.encoded.encoded import Encoded, Features
from menura.ops import sparse_dot

__all__ = ["EncodedSplade"]


class EncodedSplade(Encoded):
    """Vocabulary vectors of a batch, and their dot products.

    Args:
        queries: `[B,V]`.
        passages: N columns `[B,V]`.
    """

    def __init__(
        self,
        queries: Tensor,
        passages: list[Tensor],
        *,
        logits: Tensor,
        weights: Tensor | None,
        features: list[Features],
    ) -> None:
        super().__init__(logits, weights, features)
        self.queries = queries
        self.passages = passages

    @cached_property
    def documents(self) -> Tensor:
        """All passages `[N*B,V]`, column by column."""
        return torch.cat(self.passages)

    @cached_property
    def scores(self) -> Tensor:
        return torch.stack([sparse_dot(self.queries, column, pairwise=True) for column in self.passages], dim=1)

    @cached_property
    def in_batch_scores(self) -> Tensor:
        columns = sparse_dot(self.queries, self.documents)
        return columns.reshape(-1, len(self.passages), len(self.queries)).transpose(1, 2).flatten(1)
