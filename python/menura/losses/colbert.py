"""The ColBERT student's loss."""

from __future__ import annotations

from torch import Tensor, nn

from menura.losses.distillation import DistillationLoss
from menura.losses.encoded import EncodedColbert, Features

__all__ = ["ColbertDistillationLoss"]


class ColbertDistillationLoss(DistillationLoss):
    """Objectives for a `MultiVectorEncoder`, whose scores are MaxSim; see `DistillationLoss`."""

    outputs = ("token_embeddings", "attention_mask")

    def encode(
        self, encoder: nn.Module, features: list[Features], logits: Tensor | None, weights: Tensor | None
    ) -> EncodedColbert:
        return EncodedColbert.of(encoder, features, logits=logits, weights=weights)
