"""The embeddings of tokens, as EmbedDistill compares those of texts (Kim et al. 2023, arXiv 2301.12005)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from menura.losses.encoded import EncodedColbert
from menura.losses.representations.mentored import Mentored
from menura.losses.representations.tokens import Distance, projection_between, token_distance
from menura.losses.weighing import Weight

__all__ = ["TokenEmbeddings"]


class TokenEmbeddings(Mentored[EncodedColbert]):
    """`token_distance` of the tokens that count in the MaxSim of both; queries and passages weigh the same.

    Args:
        dimensions: those of the student's and of the mentor's embeddings; between different ones a projection is
            learnt. None: they have the same.
    """

    def __init__(
        self,
        *,
        distance: Distance = "cosine",
        dimensions: tuple[int, int] | None = None,
        weight: Weight = 1.0,
    ) -> None:
        super().__init__("token_embeddings", weight=weight)
        self.distance = distance
        self.projection = projection_between(dimensions)

    def forward(self, encoded: EncodedColbert) -> Tensor:
        mentor = self.mentor_of(encoded)
        sides = (
            (encoded.queries, mentor.queries, encoded.query_mask.bool() & mentor.query_mask.bool()),
            (encoded.documents, mentor.documents, encoded.document_mask & mentor.document_mask),
        )
        queries, documents = (
            token_distance(*side, distance=self.distance, projection=self.projection) for side in sides
        )
        return (queries + documents) / 2

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "distance": self.distance}
