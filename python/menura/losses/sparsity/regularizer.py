"""A penalty on the activations of one side."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from menura.losses.encoded import EncodedSplade
from menura.losses.objective import Objective
from menura.losses.sparsity.rows import active_terms, keep_rows

__all__ = ["Reduction", "Regularizer", "Side"]

Side = Literal["query", "document"]
Reduction = Literal["batch", "position_mean", "position_sum"]


class Regularizer(Objective[EncodedSplade]):
    """`penalty` of the queries' `[B,V]` or of the documents' activations.

    Args:
        side: whose activations.
        kind: the penalty's name.
        weight: how much it counts at its full share.
        reduction: what one penalty is of. ``"batch"``: all N*B documents of the batch, as in sentence-transformers.
            ``"position_mean"``: the B documents of each of the N places behind a query, and the mean of the N
            penalties; ``"position_sum"``: their sum, N times as much, as in OpenSearch's trainer. Queries have one
            place.
        threshold: texts with at most so many active terms go unpenalised: they count as rows of zeros (the l0 mask of
            arXiv 2504.14839). 0: none does.

    `share`, 0 or more, scales the weight; what schedules the penalty sets it between steps. `value` is the penalty of
    the last batch, without weight, share and gradient.
    """

    weight: float  # `share` is what changes over a run
    value: Tensor

    def __init__(
        self, side: Side, kind: str, *, weight: float, reduction: Reduction = "batch", threshold: int = 0
    ) -> None:
        super().__init__(f"{side}_{kind}", weight=weight)
        self.side = side
        self.reduction = reduction
        self.threshold = threshold
        self.share = 1.0

    def forward(self, encoded: EncodedSplade) -> Tensor:
        penalties = [self.penalty(self._over_threshold(rows)) for rows in self._groups(encoded)]
        penalty = torch.stack(penalties).sum()
        if self.reduction == "position_mean":
            penalty = penalty / len(penalties)
        self.value = penalty.detach()
        return self.share * penalty

    def penalty(self, activations: Tensor) -> Tensor:
        """Of activations `[R,V]`, all of them 0 or more."""
        raise NotImplementedError

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "reduction": self.reduction, "threshold": self.threshold}

    def _groups(self, encoded: EncodedSplade) -> list[Tensor]:
        if self.side == "query":
            return [encoded.queries]
        return [encoded.documents] if self.reduction == "batch" else list(encoded.passages)

    def _over_threshold(self, activations: Tensor) -> Tensor:
        if self.threshold == 0:
            return activations
        return keep_rows(activations, active_terms(activations) > self.threshold)
