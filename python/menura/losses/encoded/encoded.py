"""What both students' batches have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from functools import cached_property

import torch
from torch import Tensor, nn
from typing_extensions import Self

from menura.losses.encoded.features import Features, text_keys
from menura.losses.encoded.hidden_states import HiddenStates
from menura.losses.encoded.padding import stack_padded
from menura.losses.gathering import of_other_processes

__all__ = ["Encoded"]


class Encoded(ABC):
    """B queries with N passages each, encoded, beside what the teacher says of them.

    Args:
        logits: the teacher's scores `[B,N]`, on the student's scale. None: there is no teacher.
        weights: `[B,N]`, how much each logit counts. None: all the same.
        features: what was encoded, the queries' and one column for each of the N passages.

    `mentor` is the same batch as a larger student sees it, and `hidden_states` are those that were asked for; the loss
    sets both.
    """

    mentor: Self | None = None
    hidden_states: HiddenStates | None = None

    def __init__(self, logits: Tensor | None, weights: Tensor | None, features: list[Features]) -> None:
        self._logits = logits
        self.weights = weights
        self.features = features

    @classmethod
    @abstractmethod
    def of(cls, encoder: nn.Module, features: list[Features], *, logits: Tensor | None, weights: Tensor | None) -> Self:
        """What `encoder`, a model or what stands for it, makes of a batch."""

    def taught_by(self, logits: Tensor) -> Self:
        """The same batch under other logits, all of which count the same; nothing of it is computed again."""
        taught = copy(self)
        taught._logits, taught.weights = logits, None
        return taught

    @property
    def token_masks(self) -> tuple[Tensor, Tensor]:
        """Which tokens of the queries `[B,Lq]` and of the passages `[B,N,L]` are not padding."""
        queries, *passages = (_is_token(column) for column in self.features)
        return queries, stack_padded(passages)

    @property
    def logits(self) -> Tensor:
        """The teacher's scores `[B,N]`.

        Raises:
            ValueError: there are none.
        """
        if self._logits is None:
            raise ValueError("[losses] nobody has scored this batch; give it logits.")
        return self._logits

    @cached_property
    def query_keys(self) -> Tensor:
        """`[B]`, equal where two queries have the same tokens."""
        return text_keys(self.features[0])

    @cached_property
    def passage_keys(self) -> Tensor:
        """`[M]`, equal where two passages have the same tokens; in the order of `in_batch_scores`."""
        own = torch.stack([text_keys(column) for column in self.features[1:]], dim=1).flatten()
        return torch.cat([own, of_other_processes(own)])

    @property
    @abstractmethod
    def scores(self) -> Tensor:
        """The student's scores `[B,N]` of each query's own passages."""

    @property
    @abstractmethod
    def vectors(self) -> list[Tensor]:
        """One vector for each text, `[B,D]` for each column of `features`."""

    @staticmethod
    @abstractmethod
    def embed(model: nn.Module, columns: list[Features]) -> list[Tensor]:
        """What `vectors` holds of some columns, by another forward of `model`."""

    @property
    @abstractmethod
    def in_batch_scores(self) -> Tensor:
        """The student's scores `[B,M]` of each query and all passages.

        The first `B*N` columns are the batch's own passages, those of the first query first; then come those of other
        processes, each in the same order.
        """


def _is_token(features: Features) -> Tensor:
    """Expansion tokens are tokens, whether the others attend to them or not."""
    mask: Tensor = features["attention_mask"].bool()
    expansion = features.get("query_expansion_positions")
    return mask if expansion is None else mask | expansion.bool()
