"""The states between layers (TinyBERT: Jiao et al. 2020, arXiv 1909.10351; patient KD: Sun et al. 2019, 1908.09355)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from menura.losses.encoded import Encoded, HiddenStates
from menura.losses.representations.mentored import Mentored
from menura.losses.representations.tokens import Distance, projection_between, token_distance
from menura.losses.weighing import Weight

__all__ = ["HiddenStateDistance"]


class HiddenStateDistance(Mentored[Encoded]):
    """The mean of `token_distance` over pairs of layers; queries and passages weigh the same.

    All tokens count but padding: the layers above read punctuation and the like, whether MaxSim counts them or not.

    Args:
        layers: student's layer -> mentor's, counted from 1; 0 are the embeddings below them.
        widths: of the student's and of the mentor's states; between different ones each pair of layers learns a
            projection. None: they have the same.

    Raises:
        ValueError: there are no layers.
    """

    def __init__(
        self,
        layers: Mapping[int, int],
        *,
        distance: Distance = "mse",
        widths: tuple[int, int] | None = None,
        weight: Weight = 1.0,
    ) -> None:
        super().__init__("hidden_states", weight=weight)
        if not layers:
            raise ValueError("[hidden_states] name at least one pair of layers; got none.")
        self.pairs = dict(layers)
        self.layers, self.mentor_layers = tuple(self.pairs), tuple(self.pairs.values())
        self.distance = distance
        self.projections = nn.ModuleDict({str(layer): projection_between(widths) for layer in self.pairs})

    def forward(self, encoded: Encoded) -> Tensor:
        mentor = self.mentor_of(encoded)
        if encoded.hidden_states is None or mentor.hidden_states is None:
            raise ValueError("[hidden_states] the batch was encoded without them.")
        if torch.is_grad_enabled() and not any(encoded.hidden_states.queries(own).requires_grad for own in self.layers):
            raise ValueError(
                "[hidden_states] the student's states carry no gradient: it is frozen, or its forward pass is done "
                "without one and again later, as with mini-batches."
            )
        parts = [
            self._pair(encoded.hidden_states, mentor.hidden_states, encoded.token_masks, own, other)
            for own, other in self.pairs.items()
        ]
        return torch.stack(parts).mean()

    def _pair(
        self, student: HiddenStates, mentor: HiddenStates, masks: tuple[Tensor, Tensor], own: int, other: int
    ) -> Tensor:
        projection = self.projections[str(own)]
        sides = (
            (student.queries(own), mentor.queries(other), masks[0]),
            (student.documents(own), mentor.documents(other), masks[1]),
        )
        queries, documents = (token_distance(*side, distance=self.distance, projection=projection) for side in sides)
        return (queries + documents) / 2

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "layers": self.pairs, "distance": self.distance}
