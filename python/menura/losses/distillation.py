"""What a student loses in a batch: its objectives, weighed and added up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, cast

from torch import Tensor, nn

from menura.losses.affine import Affine
from menura.losses.encoded import Encoded, Features
from menura.losses.labels import split_labels
from menura.losses.objective import Objective

__all__ = ["DistillationLoss"]


class DistillationLoss(nn.Module, ABC):
    """A loss for sentence-transformers' trainers: a batch is encoded once, for all of the `objectives`.

    Columns of the data set: query, passage_1, ..., passage_N, and `label` with the N logits of the teacher, or with
    these and the weight of each.

    Args:
        model: the student.
        objectives: what it is asked for; each name once.
        calibration: from the teacher's scale to the student's. None: they share one.

    Raises:
        ValueError: there are no objectives, or two of one name.
    """

    def __init__(
        self, model: nn.Module, objectives: Sequence[Objective[Any]], *, calibration: Affine | None = None
    ) -> None:
        super().__init__()
        names = [objective.name for objective in objectives]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"[losses] objectives must be one or more, each name once; got {', '.join(names)}.")
        self.model = model
        self.objectives = nn.ModuleList(objectives)
        self.calibration = calibration or Affine()

    def forward(self, sentence_features: Iterable[Features], labels: Tensor) -> dict[str, Tensor]:
        """By name, what each objective adds to the loss."""
        return self.parts(self.encode_batch(sentence_features, labels))

    def encode_batch(self, sentence_features: Iterable[Features], labels: Tensor) -> Encoded:
        """The batch through the student, beside the logits on its scale."""
        logits, weights = split_labels(labels)
        features = [dict(column) for column in sentence_features]
        return self.encode(features, self.calibration(logits), weights)

    def parts(self, encoded: Encoded) -> dict[str, Tensor]:
        """By name, what each objective adds to the loss of an encoded batch."""
        return {objective.name: objective.weight * objective(encoded) for objective in self._objectives()}

    @abstractmethod
    def encode(self, features: list[Features], logits: Tensor, weights: Tensor | None) -> Encoded:
        """Queries and passages through the student."""

    def get_config_dict(self) -> dict[str, Any]:
        """What the model card says of the loss."""
        parts = {objective.name: objective.get_config_dict() for objective in self._objectives()}
        return {"objectives": parts, "calibration": str(self.calibration)}

    def _objectives(self) -> Iterable[Objective[Any]]:
        return cast("Iterable[Objective[Any]]", self.objectives)
