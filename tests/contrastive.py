"""An objective as others write them: in-batch negatives under a scale that it learns."""

from __future__ import annotations

import torch
from torch import nn

from menura.losses import Objective
from menura.losses.labels import weighted_mean


class InBatchContrast(Objective):
    """Cross-entropy of each query's first passage among all passages, times a learned scale."""

    def __init__(self):
        super().__init__("contrast")
        self.log_scale = nn.Parameter(torch.tensor(-1.0))

    def forward(self, encoded):
        scores = self.log_scale.exp() * encoded.in_batch_scores
        own = torch.arange(len(scores)) * encoded.logits.shape[1]
        return weighted_mean(nn.functional.cross_entropy(scores, own, reduction="none"), None)
