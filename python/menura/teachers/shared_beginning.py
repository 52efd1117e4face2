"""What all prompts begin with is read once: the template's first words, and the query where it is the same for all."""

from __future__ import annotations

import copy
import inspect
from itertools import takewhile
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

__all__ = ["PromptEncoding", "SharedBeginning", "can_share_beginning"]

# Below this, reading it again costs less than handing it on.
SHORTEST = 8


class PromptBatch(NamedTuple):
    """Prompts `[B,L]` behind their shared `beginning`, and the last position of each `[B]`.

    They are padded behind their ends, where no token that counts can see it: causal attention needs no mask for that.
    """

    beginning: list[int]
    ids: Tensor
    last: Tensor


class PromptEncoding:
    """The tokens of some prompts, those apart that all begin with if the model can `share` them."""

    def __init__(self, prompts: list[list[int]], *, share: bool) -> None:
        # In order, the first and the last differ soonest; every prompt keeps a token that is its own.
        alike = takewhile(
            lambda tokens: tokens[0] == tokens[1], zip(min(prompts)[:-1], max(prompts)[:-1], strict=False)
        )
        shared = [token for token, _ in alike]
        self._beginning = shared if share and len(shared) >= SHORTEST else []
        self._prompts = [prompt[len(self._beginning) :] for prompt in prompts]

    @property
    def lengths(self) -> list[int]:
        return [len(prompt) for prompt in self._prompts]

    def batch(self, rows: list[int]) -> PromptBatch:
        prompts = [torch.tensor(self._prompts[row]) for row in rows]
        last = torch.tensor([len(prompt) - 1 for prompt in prompts])
        return PromptBatch(self._beginning, nn.utils.rnn.pad_sequence(prompts, batch_first=True), last)


class SharedBeginning:
    """The keys and values of the beginning that a model read last."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._tokens: list[int] = []
        self._cache: Any = None

    def read(self, tokens: list[int], *, copies: int) -> dict[str, Any]:
        """How to call the model on `copies` rows that go on where `tokens` end."""
        if not tokens:
            return {"use_cache": False}
        if tokens != self._tokens:
            ids = torch.tensor([tokens], device=self._model.device)
            self._cache = self._model(input_ids=ids, use_cache=True).past_key_values
            self._tokens = tokens
        cache = copy.deepcopy(self._cache)  # a forward appends to what it is given
        cache.batch_repeat_interleave(copies)
        return {"past_key_values": cache, "use_cache": True}


def can_share_beginning(model: PreTrainedModel) -> bool:
    """Whether `model` goes on from keys and values, as attention does and a state-space model does not."""
    return "past_key_values" in inspect.signature(model.forward).parameters
