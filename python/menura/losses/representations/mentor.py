"""A larger student that has learnt already, run beside the one in training."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

import torch
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from torch import nn

from menura.losses.encoded import Encoded, record_layers

__all__ = ["Mentor"]

AnyEncoded = TypeVar("AnyEncoded", bound=Encoded)
AnyStudent = MultiVectorEncoder | SparseEncoder


class Mentor:
    """Reads every batch with the same tokens as the student, without gradients and without dropout.

    It is no module on purpose: what is no part of the loss is neither trained nor saved nor set to training with it.

    Args:
        model: a ColBERT for a ColBERT, a SPLADE for a SPLADE; its weights are frozen.
    """

    def __init__(self, model: AnyStudent) -> None:
        self.model = model.eval().requires_grad_(False)

    def check(self, student: nn.Module) -> None:
        """Make sure that the mentor can read what `student` reads.

        Raises:
            ValueError: they are a ColBERT and a SPLADE, have different vocabularies, or the mentor has fewer positions
                than the student's longest texts take.
        """
        mine, other = type(self.model).__name__, type(student).__name__
        if not isinstance(student, type(self.model)):
            raise ValueError(f"[mentor] a mentor must be of the student's kind; got a {mine} for a {other}.")
        if self.model.tokenizer.get_vocab() != student.tokenizer.get_vocab():
            raise ValueError(
                "[mentor] mentor and student have different vocabularies, so nothing of theirs can be compared but "
                "scores; let the larger one teach through the answer key, as a teacher that is a retriever."
            )
        positions = getattr(self.model.config, "max_position_embeddings", None)
        longest = _longest(student)
        if positions is not None and longest > positions:
            raise ValueError(
                f"[mentor] the mentor has {positions} positions, and the student reads up to {longest} tokens."
            )

    @torch.no_grad()
    def encode(
        self,
        encoded: AnyEncoded,
        layers: Collection[int] = (),
        *,
        through: Callable[[nn.Module], nn.Module] | None = None,
    ) -> AnyEncoded:
        """The batch of `encoded` as the mentor sees it, with the states of its `layers`.

        `through` puts something before the model that encodes in its place, such as mini-batches.
        """
        device = encoded.features[0]["attention_mask"].device
        if self.model.device != device:
            self.model.to(device)
        with record_layers(self.model, layers) as states:
            encoder = self.model if through is None else through(self.model)
            seen = type(encoded).of(encoder, encoded.features, logits=None, weights=None)
        seen.hidden_states = states
        return seen


def _longest(student: AnyStudent) -> int:
    """How many tokens of a text the student reads at most; 0 where nothing limits it."""
    limits = [getattr(student[0], name, None) for name in ("query_length", "document_length")]
    return max(limit or student.max_seq_length or 0 for limit in limits)
