"""The SPLADE student's objective, as a loss for sentence-transformers' trainers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.losses.merged_forward import embed_columns
from torch import Tensor, nn

from menura.losses.labels import split_labels
from menura.losses.pointwise_mse import Affine, pointwise_mse
from menura.ops import flops, sparse_dot

__all__ = ["SpladeScoreMSELoss"]


class SpladeScoreMSELoss(nn.Module):
    """MSE between dot products and a teacher's calibrated logits, plus weighted FLOPS of both sides.

    Columns of the data set: query, passage_1, ..., passage_N, and `label` with the N logits of the teacher, or with
    these and the weight of each. FLOPS takes the mean over all passages of the batch, and over all queries, before
    squaring; there all texts count the same.

    Args:
        model: the student.
        calibration: from the teacher's scale to the student's.
        document_regularizer: the weight of the documents' FLOPS.
        query_regularizer: the weight of the queries' FLOPS.

    `regularizer_share`, from 0 to 1, scales both weights; a schedule may set it between steps. `terms` holds the mean
    number of active terms per query and per document in the last batch.
    """

    def __init__(
        self,
        model: SparseEncoder,
        *,
        calibration: Affine | None = None,
        document_regularizer: float,
        query_regularizer: float,
    ) -> None:
        super().__init__()
        self.model = model
        self.calibration = calibration or Affine()
        self.document_regularizer = document_regularizer
        self.query_regularizer = query_regularizer
        self.regularizer_share = 1.0
        self.terms: dict[str, float] = {}

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> dict[str, Tensor]:
        queries, *passages = embed_columns(self.model, sentence_features, separate_first=True)
        scores = torch.stack([sparse_dot(queries, column, pairwise=True) for column in passages], dim=1)
        documents = torch.cat(passages)
        self.terms = {
            "query_terms": _active_terms(queries),
            "document_terms": _active_terms(documents),
        }
        logits, weights = split_labels(labels)
        share = self.regularizer_share
        return {
            "score_mse": pointwise_mse(scores, logits, calibration=self.calibration, weights=weights),
            "document_flops": share * self.document_regularizer * flops(documents),
            "query_flops": share * self.query_regularizer * flops(queries),
        }

    def get_config_dict(self) -> dict[str, Any]:
        """What the model card says of the loss."""
        return {
            "calibration": str(self.calibration),
            "document_regularizer": self.document_regularizer,
            "query_regularizer": self.query_regularizer,
        }


def _active_terms(activations: Tensor) -> float:
    return float(activations.detach().count_nonzero()) / activations.shape[0]
