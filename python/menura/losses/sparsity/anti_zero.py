"""Anti-zero: what keeps texts from losing their last term."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from menura.losses.sparsity.regularizer import Regularizer, Side
from menura.losses.sparsity.rows import row_sums

__all__ = ["AntiZero", "anti_zero"]


def anti_zero(activations: Tensor) -> Tensor:
    """`mean_b 1 / (sum_v |x_bv|)^2` of `[B,V]`, dense or CSR; a scalar in their dtype.

    It falls as activations grow: added to a loss, it pushes them up, the harder the closer a text is to nothing.
    SPLADE's trainers take one sum over the whole batch, which a few long texts keep large while others go out; here
    each text has its own. A text without activations does not count: behind a ReLU no gradient brings it back.
    """
    sums = row_sums(activations)
    alive = sums > 0
    # Where none of it counts, the division must not see the zero: its gradient would be NaN.
    return (alive / sums.where(alive, 1).square()).mean()


class AntiZero(Regularizer):
    """`anti_zero` of one side; `options` are those of `Regularizer`."""

    def __init__(self, side: Side, *, weight: float, **options: Any) -> None:
        super().__init__(side, "anti_zero", weight=weight, **options)

    def penalty(self, activations: Tensor) -> Tensor:
        return anti_zero(activations)
