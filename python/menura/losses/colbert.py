"""The ColBERT student's objective, as a loss for sentence-transformers' trainers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.losses.merged_forward import embed_columns_padded
from torch import Tensor, nn

from menura.losses.labels import split_labels
from menura.losses.margin_mse import Pairs, margin_mse
from menura.losses.pointwise_mse import Affine
from menura.ops import maxsim

__all__ = ["ColbertMarginMSELoss"]


class ColbertMarginMSELoss(nn.Module):
    """Margin MSE between MaxSim scores and a teacher's logits.

    Columns of the data set: query, passage_1, ..., passage_N, and `label` with the N logits of the teacher, or with
    these and the weight of each: a margin counts the product of its two weights.

    Args:
        model: the student.
        pairs: which passages are compared; see `margin_mse`.
        calibration: from the teacher's scale to the student's; an offset cancels. None: they share one.
    """

    def __init__(
        self, model: MultiVectorEncoder, *, pairs: Pairs = "positive", calibration: Affine | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.pairs = pairs
        self.calibration = calibration or Affine()

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        queries, *passages = [dict(features) for features in sentence_features]
        encoded = self.model(queries, task="query")
        embeddings, masks = embed_columns_padded(self.model, passages, None, task_default="document")
        scores = maxsim(
            encoded["token_embeddings"],
            _stack(embeddings),
            query_mask=encoded["attention_mask"],
            document_mask=_stack(masks),
        )
        logits, weights = split_labels(labels)
        return margin_mse(scores, self.calibration(logits), pairs=self.pairs, weights=weights)

    def get_config_dict(self) -> dict[str, Any]:
        """What the model card says of the loss."""
        return {"pairs": self.pairs, "calibration": str(self.calibration)}


def _stack(columns: list[Tensor]) -> Tensor:
    """N columns `[B,L_n,...]` of different lengths as `[B,N,L,...]`, padded with zeros."""
    length = max(column.shape[1] for column in columns)
    padded = [
        torch.cat([column, column.new_zeros(column.shape[0], length - column.shape[1], *column.shape[2:])], dim=1)
        for column in columns
    ]
    return torch.stack(padded, dim=1)
