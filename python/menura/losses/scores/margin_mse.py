"""Margin MSE: a student's score differences must be the teacher's (Hofstätter et al. 2020, arXiv 2010.02666)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from menura.losses.encoded import Encoded
from menura.losses.labels import weighted_mean
from menura.losses.objective import Objective
from menura.losses.scores.checks import check_lists
from menura.losses.scores.pairs import Pairs, pair_weights, sides
from menura.losses.weighing import Weight

__all__ = ["MarginMSE", "margin_mse"]


def margin_mse(student: Tensor, teacher: Tensor, *, pairs: Pairs = "positive", weights: Tensor | None = None) -> Tensor:
    """The mean over pairs of `((s_i - s_j) - (t_i - t_j))^2`, weighed by `w_i w_j`.

    A margin is as good as both of its scores: the weighted mean is `sum w_i w_j e_ij^2 / sum w_i w_j` over the batch.

    Args:
        student: scores `[B,N]`, N passages a query, at least two.
        teacher: raw logits `[B,N]` of the same passages; no gradient flows to them.
        pairs: ``"positive"``: the first passage against each other one. ``"all"``: every i < j.
        weights: `[B,N]`, how much each logit counts, 0 or more. None: all the same.

    Returns:
        A scalar in the student's dtype; zero where no pair counts. Scores may be shifted per query at will.

    Raises:
        ValueError: the shapes differ or there are fewer than two passages.
    """
    check_lists("margin_mse", student, teacher, weights)
    first, second = sides(student - teacher.detach().to(student.dtype), pairs)
    return weighted_mean((first - second).square(), None if weights is None else pair_weights(weights, pairs))


class MarginMSE(Objective[Encoded]):
    """`margin_mse` of a batch; `pairs` says which passages are compared."""

    needs_logits = True

    def __init__(self, *, pairs: Pairs = "positive", weight: Weight = 1.0) -> None:
        super().__init__("margin_mse", weight=weight)
        self.pairs = pairs

    def forward(self, encoded: Encoded) -> Tensor:
        return margin_mse(encoded.scores, encoded.logits, pairs=self.pairs, weights=encoded.weights)

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "pairs": self.pairs}
