"""Soft scores: the mentor's in the place of the teacher's."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from menura.losses.encoded import Encoded
from menura.losses.objective import Objective
from menura.losses.representations.mentored import Mentored

__all__ = ["MentorScores"]


class MentorScores(Mentored[Encoded]):
    """An objective on scores, whose logits are what the mentor gives the same passages now.

    Both score in the same way, so nothing is calibrated; weights are those of the teacher's logits, and left out.
    """

    def __init__(self, objective: Objective[Encoded]) -> None:
        super().__init__(f"mentor_{objective.name}", weight=objective.weight)
        self.objective = objective

    def forward(self, encoded: Encoded) -> Tensor:
        logits = self.mentor_of(encoded).scores
        _ = encoded.scores  # computed here, it is computed once for all objectives
        loss: Tensor = self.objective(encoded.taught_by(logits))
        return loss

    def get_config_dict(self) -> dict[str, Any]:
        return self.objective.get_config_dict()
