"""A cross-encoder as teacher: it reads query and passage together and answers with one raw logit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import sentence_transformers
import torch
import transformers
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Transformer

from menura.batching import token_budget_batches
from menura.errors import MenuraError
from menura.teachers.fingerprint import Fingerprint, config_digest, tokenizer_digest, weights_digest
from menura.teachers.loading import load_cross_encoder

__all__ = ["CrossEncoderTeacher"]


class CrossEncoderTeacher:
    """Scores (query, passage) pairs with a cross-encoder of one label.

    The activation that a checkpoint applies to its logit, a sigmoid by default, is recorded and left out: margins
    between squashed scores say little.

    Args:
        model: the cross-encoder.
        name: where it came from; recorded only.
        max_length: tokens of query and passage together; the longer of the two is truncated first.
        batch_tokens: padded tokens in one batch.
        bf16: run under bf16 autocast; recorded in the fingerprint.
    """

    def __init__(
        self, model: CrossEncoder, *, name: str, max_length: int = 256, batch_tokens: int = 8192, bf16: bool = False
    ) -> None:
        if model.num_labels != 1:
            raise MenuraError(f"[teachers] a teacher must have one label; {name} has {model.num_labels}.")
        self._model = model.eval()
        self._name = name
        self._max_length = max_length
        self._batch_tokens = batch_tokens
        self._bf16 = bf16
        model.max_seq_length = max_length

    @classmethod
    def load(
        cls, reference: str, *, max_length: int = 256, batch_tokens: int = 8192, bf16: bool = False
    ) -> CrossEncoderTeacher:
        """Load from a folder, hub name or ``package:NAME``; a saved `CrossEncoder` or a bare transformers folder.

        Raises:
            MenuraError: it cannot be loaded, has fewer positions than `max_length`, no trained head or several labels.
        """
        model = load_cross_encoder(reference, max_length=max_length)
        if not _has_trained_head(model):
            raise MenuraError(
                f"[teachers] {reference} has no trained cross-encoder head; add teacher.finetune to train one."
            )
        return cls(model, name=reference, max_length=max_length, batch_tokens=batch_tokens, bf16=bf16)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Changes with whatever changes a score; not with the folder, nor with what was scored before."""
        return Fingerprint(
            {
                "model": self._name,
                "weights": weights_digest(self._model),
                "config": config_digest(self._model),
                "tokenizer": tokenizer_digest(self._model.tokenizer),
                "prompts": f"{self._model.prompts}, default {self._model.default_prompt_name}",
                "max_length": str(self._max_length),
                "template": "query, passage",
                "precision": "bf16 autocast" if self._bf16 else str(next(self._model.parameters()).dtype),
                "activation": f"none (stored: {type(self._model.activation_fn).__name__})",
                "torch": _minor(torch.__version__),
                "transformers": _minor(transformers.__version__),
                "sentence_transformers": _minor(sentence_transformers.__version__),
            }
        )

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Raw logits `[len(pairs)]` of (query, passage) texts, in their order; a higher logit is a better match."""
        logits = np.empty(len(pairs), np.float32)
        with torch.autocast(self._model.device.type, torch.bfloat16, enabled=self._bf16):
            for batch in token_budget_batches(self._lengths(pairs), self._batch_tokens):
                logits[batch] = self._model.predict(
                    [pairs[i] for i in batch],
                    activation_fn=torch.nn.Identity(),
                    batch_size=len(batch),
                    show_progress_bar=False,
                    convert_to_tensor=True,
                ).float().cpu().numpy()  # fmt: skip
        return logits

    def _lengths(self, pairs: Sequence[tuple[str, str]]) -> list[int]:
        if not pairs:
            return []
        queries, passages = zip(*pairs, strict=True)
        encoded = self._model.tokenizer(
            list(queries), list(passages), truncation=True, max_length=self._max_length, return_attention_mask=False
        )
        return [len(ids) for ids in encoded["input_ids"]]


def _has_trained_head(model: CrossEncoder) -> bool:
    """Whether the checkpoint was saved with its head; the library draws a missing classification head at random."""
    head = model[-1]
    if not isinstance(head, Transformer):
        return True
    architectures = head.config.architectures or []
    return any(architecture.endswith("ForSequenceClassification") for architecture in architectures)


def _minor(version: str) -> str:
    """``2.13`` of ``2.13.0+cpu``: scores do not move with a patch release."""
    return ".".join(version.split(".")[:2])
