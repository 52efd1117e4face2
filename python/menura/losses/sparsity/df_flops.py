"""DF-FLOPS: terms of many documents cost more (Porco et al. 2025, arXiv 2505.15070)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.losses.gathering import flops, mean_over_processes
from menura.losses.sparsity.flops import Estimator
from menura.losses.sparsity.regularizer import Regularizer, Side
from menura.losses.sparsity.rows import active_texts

__all__ = ["DocumentFrequencyFlops"]


class DocumentFrequencyFlops(Regularizer):
    """`menura.flops` with the document frequencies that the training has seen.

    They are the mean over its first `memory` texts, and a moving mean with that window from then on, over all
    processes; the batch itself is counted before it is penalised.

    Args:
        vocabulary: V, the number of terms.
        memory: so many texts.
        options: those of `Regularizer`.

    Raises:
        ValueError: the memory has no room for a text.
    """

    frequencies: Tensor
    texts: Tensor

    def __init__(
        self,
        side: Side,
        *,
        weight: float,
        vocabulary: int,
        estimator: Estimator = "mean",
        memory: int = 10_000,
        **options: Any,
    ) -> None:
        super().__init__(side, "df_flops", weight=weight, **options)
        if memory < 1:
            raise ValueError(f"[df_flops] memory must be 1 text or more; got {memory}.")
        self.estimator = estimator
        self.memory = memory
        # Buffers, so that they follow the loss to its device and into checkpoints.
        self.register_buffer("frequencies", torch.zeros(vocabulary, dtype=torch.float64))
        self.register_buffer("texts", torch.zeros((), dtype=torch.float64))

    def penalty(self, activations: Tensor) -> Tensor:
        if activations.requires_grad:
            self._count(activations)
        if self.estimator == "unbiased" and activations.shape[0] < 2:
            return 0 * flops(activations)
        return flops(activations, estimator=self.estimator, document_frequency=self.frequencies)

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "estimator": self.estimator, "memory": self.memory}

    def _count(self, activations: Tensor) -> None:
        rows = torch.tensor([activations.shape[0]], dtype=torch.float64, device=activations.device)
        counted = mean_over_processes(torch.cat([active_texts(activations), rows]))
        active, texts = counted[:-1], counted[-1]
        self.texts += texts
        # Of the texts remembered, the batch is this share.
        share = texts / self.texts.clamp(max=self.memory).clamp(min=texts)
        self.frequencies.lerp_(active / texts, share)
