"""RankNet: a student must put passages in the teacher's order (Burges et al., ICML 2005)."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.functional import softplus

from menura.losses.encoded import Encoded
from menura.losses.labels import weighted_mean
from menura.losses.objective import Objective
from menura.losses.scores.checks import check_lists, check_temperature
from menura.losses.scores.pairs import Pairs, pair_weights, sides
from menura.losses.weighing import Weight

__all__ = ["RankNet", "ranknet"]


def ranknet(
    student: Tensor,
    teacher: Tensor,
    *,
    pairs: Pairs = "all",
    temperature: float = 1.0,
    weigh_margins: bool = False,
    weights: Tensor | None = None,
) -> Tensor:
    """The mean over pairs with `t_i > t_j` of `log(1 + exp(-(s_i - s_j) / T))`, weighed by `w_i w_j`.

    Where the teacher gives two passages one score it has no order for them, and the pair does not count.

    Args:
        student: scores `[B,N]`, N passages a query, at least two.
        teacher: raw logits `[B,N]` of the same passages; no gradient flows to them.
        pairs: ``"positive"``: the first passage against each other one. ``"all"``: every two.
        temperature: T, in the student's scores; they are far apart where their difference is many times T.
        weigh_margins: a pair counts `|t_i - t_j|` times (arXiv 2010.02666). The mean is `sum m e / sum m`, so the
            teacher's scale is of no matter.
        weights: `[B,N]`, how much each logit counts, 0 or more. None: all the same.

    Returns:
        A scalar in the student's dtype; zero where no pair counts.

    Raises:
        ValueError: the shapes differ, there are fewer than two passages, or the temperature is not above 0.
    """
    check_lists("ranknet", student, teacher, weights)
    check_temperature("ranknet", temperature=temperature)
    above, below = sides(student, pairs)
    first, second = sides(teacher.detach().to(student.dtype), pairs)
    margins = first - second
    order = margins.sign().where(~margins.isnan(), margins)  # the sign of NaN would be zero: a tie
    errors = softplus(-order * (above - below) / temperature)
    counts = margins.abs() if weigh_margins else (margins != 0).to(errors.dtype)
    return weighted_mean(errors, counts if weights is None else counts * pair_weights(weights, pairs))


class RankNet(Objective[Encoded]):
    """`ranknet` of a batch."""

    needs_logits = True

    def __init__(
        self,
        *,
        pairs: Pairs = "all",
        temperature: float = 1.0,
        weigh_margins: bool = False,
        weight: Weight = 1.0,
    ) -> None:
        super().__init__("ranknet", weight=weight)
        self.pairs = pairs
        self.temperature = temperature
        self.weigh_margins = weigh_margins

    def forward(self, encoded: Encoded) -> Tensor:
        return ranknet(
            encoded.scores,
            encoded.logits,
            pairs=self.pairs,
            temperature=self.temperature,
            weigh_margins=self.weigh_margins,
            weights=encoded.weights,
        )

    def get_config_dict(self) -> dict[str, Any]:
        return {
            **super().get_config_dict(),
            "pairs": self.pairs,
            "temperature": self.temperature,
            "weigh_margins": self.weigh_margins,
        }
