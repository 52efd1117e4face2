"""The SPLADE student's loss."""

from __future__ import annotations

from torch import Tensor, nn

from menura.losses.distillation import DistillationLoss
from menura.losses.encoded import EncodedSplade, Features
from menura.losses.sparsity import Side, active_terms

__all__ = ["SpladeDistillationLoss"]


class SpladeDistillationLoss(DistillationLoss):
    """Objectives for a `SparseEncoder`, whose scores are dot products; see `DistillationLoss`.

    `terms` holds the mean number of active terms of a query and of a document in the last batch.
    """

    outputs = ("sentence_embedding",)
    sparse_outputs = ("sentence_embedding",)

    terms: dict[Side, Tensor]

    def encode(
        self, encoder: nn.Module, features: list[Features], logits: Tensor | None, weights: Tensor | None
    ) -> EncodedSplade:
        encoded = EncodedSplade.of(encoder, features, logits=logits, weights=weights)
        self.terms = {
            "query": active_terms(encoded.queries).mean(),
            "document": active_terms(encoded.documents).mean(),
        }
        return encoded
