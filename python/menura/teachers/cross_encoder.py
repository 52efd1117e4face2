"""A cross-encoder as teacher: it reads query and passage together and answers with one raw logit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Transformer
from sentence_transformers.cross_encoder.modules import LogitScore
from sentence_transformers.util import batch_to_device, load_file_path

from menura.errors import MenuraError
from menura.teachers.encoding import Pair, encoded_batches, usual_batch_tokens
from menura.teachers.fingerprint import Fingerprint
from menura.teachers.head import keep_head_in_float32
from menura.teachers.loading import load_cross_encoder
from menura.weights import resolve_model

__all__ = ["CrossEncoderTeacher"]


class CrossEncoderTeacher:
    """Scores (query, passage) pairs with a cross-encoder of one label.

    The activation that a checkpoint applies to its logit, a sigmoid by default, is recorded and left out: margins
    between squashed scores say little.

    Args:
        model: the cross-encoder.
        name: where it came from; recorded only.
        max_length: tokens of query and passage together; the longer of the two is truncated first.
        batch_tokens: padded tokens in one batch. None: 2,048 on a CPU, 32,768 on a GPU.
        bf16: run under bf16 autocast, all but a linear head; recorded in the fingerprint.
    """

    def __init__(
        self,
        model: CrossEncoder,
        *,
        name: str,
        max_length: int = 256,
        batch_tokens: int | None = None,
        bf16: bool = False,
    ) -> None:
        if model.num_labels != 1:
            raise MenuraError(f"[teachers] a teacher must have one label; {name} has {model.num_labels}.")
        self._model = model.eval()
        self._name = name
        self._max_length = max_length
        self._batch_tokens = batch_tokens or usual_batch_tokens(model.device)
        self._bf16 = bf16
        model.max_seq_length = max_length
        if bf16:
            keep_head_in_float32(model)

    @classmethod
    def load(
        cls,
        reference: str,
        *,
        max_length: int = 256,
        batch_tokens: int | None = None,
        bf16: bool = False,
        device: str | None = None,
    ) -> CrossEncoderTeacher:
        """Load from a folder, hub name or ``package:NAME``; a saved `CrossEncoder` or a bare transformers folder.

        A saved `CrossEncoder` may be a language model behind a template of its own. `device` None: torch's default.

        Raises:
            MenuraError: it cannot be loaded, has fewer positions than `max_length`, no trained head or several labels.
        """
        model = load_cross_encoder(reference, max_length=max_length, device=device)
        if isinstance(model[-1], LogitScore) and load_file_path(resolve_model(reference), "modules.json") is None:
            raise MenuraError(
                f"[teachers] {reference} is a bare language model; say with teacher.causal_lm what it is asked "
                "(template) and what it answers (yes, no)."
            )
        if not _has_trained_head(model):
            raise MenuraError(
                f"[teachers] {reference} has no trained cross-encoder head; add teacher.finetune to train one."
            )
        return cls(model, name=reference, max_length=max_length, batch_tokens=batch_tokens, bf16=bf16)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Changes with whatever changes a score; not with the folder, nor with what was scored before."""
        return Fingerprint.of(
            self._model,
            name=self._name,
            max_length=self._max_length,
            precision="bf16 autocast, float32 head" if self._bf16 else None,
            template="query, passage",
            activation=f"none (stored: {type(self._model.activation_fn).__name__})",
        )

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Raw logits `[len(pairs)]` of (query, passage) texts, in their order; a higher logit is a better match."""
        logits = np.empty(len(pairs), np.float32)
        device = self._model.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
            for indices, features in encoded_batches(pairs, self._encode, self._batch_tokens):
                scores = self._model(batch_to_device(features, device))["scores"]
                logits[indices] = scores.float().squeeze(-1).cpu().numpy()
        return logits

    def _encode(self, pairs: list[Pair]) -> _PairEncoding:
        return _PairEncoding(self._model, pairs)


class _PairEncoding:
    """Pairs as the model's own preprocessing makes them, with its prompts and templates, but for the padding."""

    def __init__(self, model: CrossEncoder, pairs: list[Pair]) -> None:
        features = model.preprocess(
            pairs,
            prompt=model.prompts.get(model.default_prompt_name) if model.default_prompt_name else None,
            processing_kwargs={"text": {"padding": False}, "common": {"return_tensors": None}},
        )
        self._columns = {key: value for key, value in features.items() if isinstance(value, list)}
        self._common = {key: value for key, value in features.items() if key not in self._columns}
        self._tokenizer = model.tokenizer

    @property
    def lengths(self) -> list[int]:
        return [len(ids) for ids in self._columns["input_ids"]]

    def batch(self, rows: list[int]) -> dict[str, Any]:
        chosen = {key: [column[row] for row in rows] for key, column in self._columns.items()}
        return {**self._tokenizer.pad(chosen, return_tensors="pt"), **self._common}


def _has_trained_head(model: CrossEncoder) -> bool:
    """Whether the checkpoint was saved with its head; the library draws a missing classification head at random."""
    head = model[-1]
    if not isinstance(head, Transformer):
        return True
    architectures = head.config.architectures or []
    return any(architecture.endswith("ForSequenceClassification") for architecture in architectures)
