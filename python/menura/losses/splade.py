"""The SPLADE student's loss."""

from __future__ import annotations

from sentence_transformers.base.losses.merged_forward import merge_feature_batches
from torch import Tensor, nn

from menura.losses.distillation import DistillationLoss
from menura.losses.encoded import EncodedSplade, Features
from menura.losses.encoded.sparse_rows import Rows, split_rows
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
        # Copies: the model writes into what it is given.
        query_features, *columns = [dict(column) for column in features]
        queries = encoder(query_features)["sentence_embedding"]
        passages = _encode_columns(encoder, columns)
        encoded = EncodedSplade(queries, passages, logits=logits, weights=weights, features=features)
        self.terms = {
            "query": active_terms(encoded.queries).mean(),
            "document": active_terms(encoded.documents).mean(),
        }
        return encoded


def _encode_columns(encoder: nn.Module, columns: list[Features]) -> list[Rows]:
    """Columns of passages in one forward where they are of one kind."""
    merged = merge_feature_batches(columns) if len(columns) > 1 else None
    if merged is None:
        return [encoder(column)["sentence_embedding"] for column in columns]
    return split_rows(encoder(merged)["sentence_embedding"], len(columns))
