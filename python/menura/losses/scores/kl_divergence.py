"""KL divergence between the teacher's and the student's distribution over a query's passages."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from menura.losses.encoded import Encoded
from menura.losses.labels import weighted_mean
from menura.losses.objective import Objective
from menura.losses.scores.checks import check_lists, check_temperature
from menura.losses.scores.normalization import Normalization, normalize
from menura.losses.weighing import Weight

__all__ = ["KLDivergence", "kl_divergence"]


def kl_divergence(
    student: Tensor,
    teacher: Tensor,
    *,
    student_temperature: float = 1.0,
    teacher_temperature: float = 1.0,
    student_normalization: Normalization = "none",
    teacher_normalization: Normalization = "none",
    scale_by_temperature: bool = True,
    weights: Tensor | None = None,
) -> Tensor:
    """The mean over queries ("batchmean") of `T_s^2 sum_i p_i (log p_i - log q_i)`.

    `p = softmax(norm_t(t) / T_t)` is the teacher's distribution, `q = softmax(norm_s(s) / T_s)` the student's. It is
    zero where they agree, and so never less than zero. `T_s^2` keeps the size of gradients where both temperatures
    rise together (Hinton et al., arXiv 1503.02531).

    A passage of weight w counts as w copies of it would, in both distributions: `p_i ~ w_i exp(t_i / T_t)`, and a
    query's list counts as the mean of its weights: `sum w_b KL_b / sum w_b`.

    Args:
        student: scores `[B,N]`, N passages a query, at least two.
        teacher: logits `[B,N]` of the same passages; no gradient flows to them.
        student_normalization: of each query's scores, before the temperature: to 0..1 (``"min_max"``), or to mean 0
            and standard deviation 1 (``"z_score"``). A student held to 0..1 cannot be sharper than its temperature
            allows, so a teacher with raw logits asks of it what it cannot reach: normalize both or neither.
        teacher_normalization: the same for the teacher's.
        scale_by_temperature: whether there is the factor `T_s^2`.
        weights: `[B,N]`, how much each logit counts, 0 or more. None: all the same.

    Returns:
        A scalar in the student's dtype; zero where no passage counts.

    Raises:
        ValueError: the shapes differ, there are fewer than two passages, or a temperature is not above 0.
    """
    check_lists("kl_divergence", student, teacher, weights)
    check_temperature("kl_divergence", student_temperature=student_temperature, teacher_temperature=teacher_temperature)
    given = torch.ones_like(student) if weights is None else weights.detach().to(student.dtype)
    counts = given.where(given.sum(dim=1, keepdim=True) > 0, 1)  # a list of which nothing counts needs no NaN
    target = normalize(teacher.detach().to(student.dtype), teacher_normalization, counts)
    learned = normalize(student, student_normalization, counts)
    log_p = log_softmax(target / teacher_temperature + counts.log(), dim=1)
    log_q = log_softmax(learned / student_temperature + counts.log(), dim=1)
    terms = kl_div(log_q, log_p, reduction="none", log_target=True)
    divergences = terms.masked_fill(counts == 0, 0).sum(dim=1)
    if scale_by_temperature:
        divergences = divergences * student_temperature**2
    return weighted_mean(divergences, None if weights is None else given.mean(dim=1))


class KLDivergence(Objective[Encoded]):
    """`kl_divergence` of a batch, whose logits are on the student's scale where they are calibrated."""

    needs_logits = True

    def __init__(
        self,
        *,
        student_temperature: float = 1.0,
        teacher_temperature: float = 1.0,
        student_normalization: Normalization = "none",
        teacher_normalization: Normalization = "none",
        scale_by_temperature: bool = True,
        weight: Weight = 1.0,
    ) -> None:
        super().__init__("kl_divergence", weight=weight)
        self.settings: dict[str, Any] = {
            "student_temperature": student_temperature,
            "teacher_temperature": teacher_temperature,
            "student_normalization": student_normalization,
            "teacher_normalization": teacher_normalization,
            "scale_by_temperature": scale_by_temperature,
        }

    def forward(self, encoded: Encoded) -> Tensor:
        return kl_divergence(encoded.scores, encoded.logits, **self.settings, weights=encoded.weights)

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), **self.settings}
