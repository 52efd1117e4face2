"""A language model as teacher: asked whether a passage answers a query, it answers yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from sentence_transformers.util import get_device_name
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from menura.errors import MenuraError
from menura.teachers.encoding import Pair, encoded_batches, usual_batch_tokens
from menura.teachers.fingerprint import (
    Fingerprint,
    config_digest,
    library_versions,
    tokenizer_digest,
    weights_digest,
)
from menura.teachers.head import Float32Head
from menura.teachers.prompt import Prompt
from menura.teachers.shared_beginning import PromptEncoding, SharedBeginning, can_share_beginning
from menura.weights import resolve_model

__all__ = ["CausalLmTeacher"]


class CausalLmTeacher:
    """Scores a (query, passage) pair by `logit(yes) - logit(no)` behind a prompt about both.

    That is the log-odds of the two answers (Nogueira et al. 2020, arXiv 2003.06713), before any softmax. Of the
    output layer only these two rows are kept and computed, in float32.

    Args:
        model: a causal language model; its output layer is cut to the two answers.
        prompt: what it is asked; see `Prompt`.
        yes: the answer of a passage that answers the query, one token as it follows the prompt, leading space and all.
        no: the other answer. None: the logit of `yes` alone.
        name: where the model came from; recorded only.
        batch_tokens: padded tokens in one batch. None: 2,048 on a CPU, 32,768 on a GPU.
        bf16: run under bf16 autocast; recorded in the fingerprint.

    Raises:
        MenuraError: an answer is not one token.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        prompt: Prompt,
        *,
        yes: str = "yes",
        no: str | None = "no",
        name: str,
        batch_tokens: int | None = None,
        bf16: bool = False,
    ) -> None:
        self._answers = [_token(answer, tokenizer) for answer in (yes, no) if answer is not None]
        if len(set(self._answers)) < len(self._answers):
            raise MenuraError(f"[teachers] yes and no are the same token; got {yes!r} and {no!r}.")
        head = model.get_output_embeddings()
        if not isinstance(head, nn.Linear):
            raise MenuraError(f"[teachers] the output layer of {name} is not linear; got {type(head).__name__}.")
        model.set_output_embeddings(Float32Head(head, self._answers))
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._prompt = prompt
        self._name = name
        self._batch_tokens = batch_tokens or usual_batch_tokens(model.device)
        self._bf16 = bf16

    @classmethod
    def load(
        cls,
        reference: str,
        *,
        template: str,
        yes: str = "yes",
        no: str | None = "no",
        instruction: str | None = None,
        chat: bool = False,
        max_length: int = 512,
        batch_tokens: int | None = None,
        bf16: bool = False,
        device: str | None = None,
    ) -> CausalLmTeacher:
        """Load a transformers folder, hub name or ``package:NAME``.

        Args:
            max_length: tokens of a prompt; the passage is cut to fit.
            bf16: under bf16 autocast, with weights in the precision that they are stored in; else all in float32.
            device: None: torch's default.

        Raises:
            MenuraError: it cannot be loaded, is no causal language model, or has fewer positions than `max_length`;
                or template and answers do not fit it.
        """
        model, tokenizer = _load(reference, bf16=bf16, device=device or get_device_name())
        positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        if positions is not None and max_length > positions:
            raise MenuraError(
                f"[teachers] max_length {max_length} is more than the {positions} positions of {reference}; "
                f"set teacher.max_length to {positions} or less."
            )
        prompt = Prompt(template, tokenizer, max_length=max_length, instruction=instruction, chat=chat)
        return cls(model, tokenizer, prompt, yes=yes, no=no, name=reference, batch_tokens=batch_tokens, bf16=bf16)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Changes with whatever changes a score; not with the folder, nor with what was scored before."""
        weights = str(self._model.dtype)
        return Fingerprint(
            {
                "model": self._name,
                "weights": weights_digest(self._model),
                "config": config_digest(self._model),
                "tokenizer": tokenizer_digest(self._tokenizer),
                "max_length": str(self._prompt.max_length),
                "template": self._prompt.text,
                "answers": " - ".join(map(str, self._answers)),
                "precision": f"{weights} under bf16 autocast, float32 head" if self._bf16 else weights,
                **library_versions("torch", "transformers"),
            }
        )

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Raw logits `[len(pairs)]` of (query, passage) texts, in their order; a higher logit is a better match.

        Raises:
            MenuraError: a query leaves no room for a passage.
        """
        scores = np.empty(len(pairs), np.float32)
        device = self._model.device
        beginning = SharedBeginning(self._model)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
            for indices, batch in encoded_batches(pairs, self._encode, self._batch_tokens):
                past = beginning.read(batch.beginning, copies=len(indices))
                logits = self._model(input_ids=batch.ids.to(device), **past).logits
                answers = logits[torch.arange(len(indices)), batch.last].float()
                scores[indices] = (answers[:, 0] - answers[:, 1:].sum(dim=1)).cpu().numpy()
        return scores

    def _encode(self, pairs: list[Pair]) -> PromptEncoding:
        return PromptEncoding(self._prompt.tokens(pairs), share=can_share_beginning(self._model))


def _load(reference: str, *, bf16: bool, device: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    try:
        path = resolve_model(reference)
        dtype = "auto" if bf16 else torch.float32
        loaded: Any = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, output_loading_info=True)
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MenuraError(f"[teachers] cannot load the language model {reference!r}: {reason}") from error
    model, report = loaded
    stored = model.config.architectures or []
    if type(model).__name__ not in stored or report["missing_keys"]:
        raise MenuraError(
            f"[teachers] {reference} is no causal language model; it holds {', '.join(stored) or 'no architecture'}"
            f"{' without its output layer' if report['missing_keys'] else ''}."
        )
    return model.to(device), tokenizer


def _token(answer: str, tokenizer: PreTrainedTokenizerBase) -> int:
    ids: list[int] = tokenizer(answer, add_special_tokens=False)["input_ids"]
    if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
        raise MenuraError(
            f"[teachers] an answer must be one token; {answer!r} is {tokenizer.convert_ids_to_tokens(ids)} here."
        )
    return ids[0]
