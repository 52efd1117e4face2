"""The ColBERT student's loss."""

from __future__ import annotations

from sentence_transformers.base.losses.merged_forward import embed_columns_padded
from torch import Tensor, nn

from menura.losses.distillation import DistillationLoss
from menura.losses.encoded import EncodedColbert, Features, stack_padded

__all__ = ["ColbertDistillationLoss"]


class ColbertDistillationLoss(DistillationLoss):
    """Objectives for a `MultiVectorEncoder`, whose scores are MaxSim; see `DistillationLoss`."""

    outputs = ("token_embeddings", "attention_mask")

    def encode(
        self, encoder: nn.Module, features: list[Features], logits: Tensor | None, weights: Tensor | None
    ) -> EncodedColbert:
        # Copies: the model writes into what it is given.
        queries, *passages = [dict(column) for column in features]
        encoded = encoder(queries, task="query")
        embeddings, masks = embed_columns_padded(encoder, passages, None, task_default="document")
        return EncodedColbert(
            encoded["token_embeddings"],
            encoded["attention_mask"],
            stack_padded(embeddings),
            stack_padded(masks),
            logits=logits,
            weights=weights,
            features=features,
        )
