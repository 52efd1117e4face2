"""InfoNCE: a query must find its positive among all passages of the batch (van den Oord et al., arXiv 1807.03748)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from menura.losses.encoded import Encoded
from menura.losses.gathering import of_other_processes
from menura.losses.labels import weighted_mean
from menura.losses.objective import Objective
from menura.losses.scores.checks import check_temperature
from menura.losses.weighing import Weight

__all__ = ["Contrastive", "contrastive"]


def contrastive(
    scores: Tensor,
    positives: Tensor,
    *,
    ignored: Tensor | None = None,
    temperature: float = 1.0,
    weights: Tensor | None = None,
) -> Tensor:
    """The mean over queries of `-log(exp(s_p / T) / sum_j exp(s_j / T))`, `p` the positive; weighed: `sum w e / sum w`.

    Args:
        scores: `[B,P]` of each query and every passage.
        positives: `[B]`, which passage each query must find.
        ignored: `[B,P]`, True for passages that are no negatives of a query; its positive counts all the same.
        temperature: T; the lower, the more the negatives that come closest count.
        weights: `[B]`, how much each query counts, 0 or more. None: all the same.

    Returns:
        A scalar in the scores' dtype; zero where no query counts, or none has a negative.

    Raises:
        ValueError: positives, weights or what is ignored do not fit the scores, or the temperature is not above 0.
    """
    check_temperature("contrastive", temperature=temperature)
    if scores.dim() != 2:
        raise ValueError(f"[contrastive] scores must be [B,P]; got {list(scores.shape)}.")
    rows = scores.shape[:1]
    for name, tensor, shape in (
        ("positives", positives, rows),
        ("ignored", ignored, scores.shape),
        ("weights", weights, rows),
    ):
        if tensor is not None and tensor.shape != shape:
            raise ValueError(
                f"[contrastive] {name} must be {list(shape)} for scores {list(scores.shape)}; got {list(tensor.shape)}."
            )
    if ignored is not None:
        scores = scores.masked_fill(ignored.scatter(1, positives[:, None], value=False), -torch.inf)
    return weighted_mean(cross_entropy(scores / temperature, positives, reduction="none"), weights)


class Contrastive(Objective[Encoded]):
    """`contrastive` of a batch: the passages of the other queries are negatives, too; asks for no logits.

    A passage with the text of a positive is no negative of that query, wherever in the batch it stands, and nor are the
    positives of other rows with the same query. With weights, a query counts as its positive does.
    """

    def __init__(self, *, temperature: float = 1.0, weight: Weight = 1.0) -> None:
        super().__init__("contrastive", weight=weight)
        self.temperature = temperature

    def forward(self, encoded: Encoded) -> Tensor:
        scores, passages = encoded.in_batch_scores, len(encoded.features) - 1
        positives = torch.arange(len(scores), device=scores.device) * passages
        # What is known of the batches of other processes counts as well.
        known = torch.stack([encoded.query_keys, encoded.passage_keys[positives]], dim=1)
        asked, answers = torch.cat([known, of_other_processes(known)]).unbind(1)
        return contrastive(
            scores,
            positives,
            ignored=_known_positives(encoded.query_keys, encoded.passage_keys, asked, answers),
            temperature=self.temperature,
            weights=None if encoded.weights is None else encoded.weights[:, 0],
        )

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "temperature": self.temperature}


def _known_positives(queries: Tensor, passages: Tensor, asked: Tensor, answers: Tensor) -> Tensor:
    """Whether a passage is an answer to a query: `[B,P]`.

    Args:
        queries: keys `[B]`.
        passages: keys `[P]`.
        asked: keys `[R]` of queries whose `answers`, keys `[R]`, are known.
    """
    same_query = queries[:, None] == asked
    copies = answers[:, None] == passages
    # As a product of floats: whole numbers are slow to multiply, and [B,R,P] would be large.
    return same_query.float() @ copies.float() > 0
