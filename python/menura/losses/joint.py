"""The loss of a ColBERT and a SPLADE that learn side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from menura.losses.colbert import ColbertDistillationLoss
from menura.losses.encoded import Features
from menura.losses.mutual import MutualLearning
from menura.losses.splade import SpladeDistillationLoss

__all__ = ["JointDistillationLoss"]


class JointDistillationLoss(nn.Module):
    """Each student's own objectives on one batch, and what they learn from each other.

    Holds both students, and so is the model that a trainer trains: `menura.training.JointTrainer`. No gradient crosses
    from one to the other. Weights of the teacher's logits do not count between the students.

    Args:
        colbert: the ColBERT's loss, with its model and objectives.
        splade: the SPLADE's.
        mutual: what they learn from each other.
    """

    def __init__(
        self, colbert: ColbertDistillationLoss, splade: SpladeDistillationLoss, mutual: MutualLearning
    ) -> None:
        super().__init__()
        self.colbert = colbert
        self.splade = splade
        self.mutual = mutual

    def forward(self, sentence_features: Mapping[str, Iterable[Features]], labels: Tensor | None) -> dict[str, Tensor]:
        """By name, what is added to the loss.

        Args:
            sentence_features: the columns of the batch as `colbert` and `splade` tokenize them.
            labels: the teacher's logits, for both; see `DistillationLoss`. None: there is no teacher.
        """
        colbert = self.colbert.encode_batch(sentence_features["colbert"], labels)
        splade = self.splade.encode_batch(sentence_features["splade"], labels)
        return {
            **{f"colbert_{name}": part for name, part in self.colbert.parts(colbert).items()},
            **{f"splade_{name}": part for name, part in self.splade.parts(splade).items()},
            **self.mutual(colbert.scores, splade.scores),
        }
