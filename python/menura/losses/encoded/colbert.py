"""A batch of token embeddings."""

from __future__ import annotations

from functools import cached_property

from torch import Tensor

from menura.losses.encoded.encoded import Encoded, Features
from menura.ops import maxsim

__all__ = ["EncodedColbert"]


class EncodedColbert(Encoded):
    """Token embeddings of a batch, and their MaxSim scores.

    Args:
        queries: `[B,Lq,d]`, with `query_mask` `[B,Lq]`.
        documents: `[B,N,L,d]`, with `document_mask` `[B,N,L]`.
    """

    def __init__(
        self,
        queries: Tensor,
        query_mask: Tensor,
        documents: Tensor,
        document_mask: Tensor,
        *,
        logits: Tensor,
        weights: Tensor | None,
        features: list[Features],
    ) -> None:
        super().__init__(logits, weights, features)
        self.queries = queries
        self.query_mask = query_mask
        self.documents = documents
        self.document_mask = document_mask

    @cached_property
    def scores(self) -> Tensor:
        return maxsim(self.queries, self.documents, query_mask=self.query_mask, document_mask=self.document_mask)

    @cached_property
    def in_batch_scores(self) -> Tensor:
        return maxsim(
            self.queries,
            self.documents.flatten(0, 1),
            query_mask=self.query_mask,
            document_mask=self.document_mask.flatten(0, 1),
        )
