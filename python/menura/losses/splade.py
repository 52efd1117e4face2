"""The SPLADE student's loss."""

from __future__ import annotations

from sentence_transformers.base.losses.merged_forward import embed_columns
from torch import Tensor

from menura.losses.distillation import DistillationLoss
from menura.losses.encoded import EncodedSplade, Features

__all__ = ["SpladeDistillationLoss"]


class SpladeDistillationLoss(DistillationLoss):
    """Objectives for a `SparseEncoder`, whose scores are dot products; see `DistillationLoss`.

    `terms` holds the mean number of active terms per query and per document in the last batch.
    """

    terms: dict[str, float]

    def encode(self, features: list[Features], logits: Tensor, weights: Tensor | None) -> EncodedSplade:
        queries, *passages = embed_columns(self.model, features, separate_first=True)
        encoded = EncodedSplade(queries, passages, logits=logits, weights=weights, features=features)
        self.terms = {
            "query_terms": _active_terms(encoded.queries),
            "document_terms": _active_terms(encoded.documents),
        }
        return encoded


def _active_terms(activations: Tensor) -> float:
    return float(activations.detach().count_nonzero()) / activations.shape[0]
