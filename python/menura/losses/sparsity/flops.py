"""FLOPS: what an inverted index would have to multiply (Paria et al. 2020, arXiv 2004.05665)."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from menura.losses.gathering import flops
from menura.losses.sparsity.regularizer import Regularizer, Side

__all__ = ["Estimator", "Flops"]

Estimator = Literal["mean", "unbiased"]


class Flops(Regularizer):
    """`menura.flops` of one side: the mean over its texts in the global batch is taken before squaring.

    Args:
        estimator: ``"mean"``, the published one, or ``"unbiased"``, whose weight means the same at any batch size. A
            batch of one text has no unbiased estimate, and no penalty.
        options: those of `Regularizer`.
    """

    def __init__(self, side: Side, *, weight: float, estimator: Estimator = "mean", **options: Any) -> None:
        super().__init__(side, "flops", weight=weight, **options)
        self.estimator = estimator

    def penalty(self, activations: Tensor) -> Tensor:
        if self.estimator == "unbiased" and activations.shape[0] < 2:
            return 0 * flops(activations)
        return flops(activations, estimator=self.estimator)

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "estimator": self.estimator}
