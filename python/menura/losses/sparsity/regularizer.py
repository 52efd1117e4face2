"""A penalty on the activations of one side."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from menura.losses.encoded import EncodedSplade
from menura.losses.objective import Objective

__all__ = ["Regularizer", "Side"]

Side = Literal["query", "document"]


class Regularizer(Objective[EncodedSplade]):
    """`penalty` of the queries' `[B,V]` or of the documents' `[N*B,V]` activations.

    `share`, from 0 to 1, scales its weight; a schedule may set it between steps.
    """

    def __init__(self, side: Side, kind: str, *, weight: float) -> None:
        super().__init__(f"{side}_{kind}", weight=weight)
        self.side = side
        self.share = 1.0

    def forward(self, encoded: EncodedSplade) -> Tensor:
        return self.share * self.penalty(encoded.queries if self.side == "query" else encoded.documents)

    def penalty(self, activations: Tensor) -> Tensor:
        """Of activations `[R,V]`, all of them 0 or more."""
        raise NotImplementedError
