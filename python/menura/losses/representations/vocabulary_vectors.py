"""The vocabulary vectors of a SPLADE: the weight of every term."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from menura.losses.encoded import EncodedSplade
from menura.losses.representations.mentored import Mentored
from menura.losses.weighing import Weight

__all__ = ["VocabularyDistance", "VocabularyVectors", "vocabulary_distance"]

VocabularyDistance = Literal["kl", "mse"]


def vocabulary_distance(
    student: Tensor, mentor: Tensor, *, distance: VocabularyDistance = "mse", temperature: float = 0.25
) -> Tensor:
    """The mean over texts of `sum_v (s_v - m_v)^2`, or of `KL(softmax(m / temperature) || softmax(s / temperature))`.

    The square is summed over the terms, as FLOPS is: nearly all of them are zero on both sides, and a mean would say
    more of the vocabulary's size than of the error.

    Args:
        student: activations `[R,V]`, dense or CSR.
        mentor: `[R,V]`, dense or CSR; no gradient flows to them.
        temperature: for ``"kl"``. The many zeros of a vector take part in its softmax: at 1 they would drown the rest.

    Returns:
        A scalar, zero for a perfect student; in float32 for half precision.

    Raises:
        ValueError: the shapes differ.
    """
    if student.shape != mentor.shape or student.dim() != 2:
        raise ValueError(
            "[vocabulary_vectors] student and mentor must both be [R,V]; "
            f"got {list(student.shape)} and {list(mentor.shape)}."
        )
    student, mentor = (
        side.to_dense().to(torch.promote_types(side.dtype, torch.float32)) for side in (student, mentor.detach())
    )
    if distance == "mse":
        return (student - mentor).square().sum(-1).mean()
    own, other = (log_softmax(side / temperature, dim=-1) for side in (student, mentor))
    return kl_div(own, other, log_target=True, reduction="batchmean")


class VocabularyVectors(Mentored[EncodedSplade]):
    """`vocabulary_distance` of a batch; queries and passages weigh the same."""

    def __init__(
        self, *, distance: VocabularyDistance = "mse", temperature: float = 0.25, weight: Weight = 1.0
    ) -> None:
        super().__init__("vocabulary_vectors", weight=weight)
        self.distance = distance
        self.temperature = temperature

    def forward(self, encoded: EncodedSplade) -> Tensor:
        mentor = self.mentor_of(encoded)
        sides = (encoded.queries, mentor.queries), (encoded.documents, mentor.documents)
        queries, documents = (
            vocabulary_distance(*side, distance=self.distance, temperature=self.temperature) for side in sides
        )
        return (queries + documents) / 2

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "distance": self.distance, "temperature": self.temperature}
