"""A ColBERT or a SPLADE as teacher: usually one too large to search with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import MultiVectorEncoder, SparseEncoder

from menura.recipe import Retriever
from menura.students import ColbertIndex, SpladeIndex, accelerate, load_colbert, load_splade
from menura.teachers.encoding import Pair, usual_batch_tokens
from menura.teachers.fingerprint import Fingerprint

__all__ = ["RetrieverTeacher"]

# Embeddings of so many passages are held at a time.
BLOCK = 1024


class RetrieverTeacher:
    """Scores (query, passage) pairs by MaxSim or by the dot product of vocabulary vectors.

    Each text is encoded on its own, so those of many pairs are encoded once.

    Args:
        model: the ColBERT or the SPLADE.
        name: where it came from; recorded only.
        max_length: tokens of a passage at most; queries are as long as the model says.
        batch_tokens: padded tokens in one batch. None: 2,048 on a CPU, 32,768 on a GPU.
        bf16: encode under bf16 autocast; recorded in the fingerprint.
    """

    def __init__(
        self,
        model: MultiVectorEncoder | SparseEncoder,
        *,
        name: str,
        max_length: int = 256,
        batch_tokens: int | None = None,
        bf16: bool = False,
    ) -> None:
        self._model = model.eval()
        self._name = name
        self._bf16 = bf16
        self._max_length = _shorten(model, max_length)
        batch_size = max(1, (batch_tokens or usual_batch_tokens(model.device)) // self._max_length)
        self._index: Callable[[dict[str, str]], ColbertIndex | SpladeIndex]
        if isinstance(model, MultiVectorEncoder):
            self._index = partial(ColbertIndex, accelerate(model), batch_size=batch_size, bf16=bf16)
        else:
            self._index = partial(SpladeIndex, accelerate(model), batch_size=batch_size, bf16=bf16)

    @classmethod
    def load(
        cls,
        reference: str,
        *,
        kind: Retriever,
        max_length: int = 256,
        batch_tokens: int | None = None,
        bf16: bool = False,
        device: str | None = None,
    ) -> RetrieverTeacher:
        """Load from a folder, hub name or ``package:NAME``; `device` None: torch's default.

        Raises:
            MenuraError: it cannot be loaded, or is of another kind.
        """
        model = load_colbert(reference) if kind == "colbert" else load_splade(reference)
        if device is not None:
            model.to(device)
        return cls(model, name=reference, max_length=max_length, batch_tokens=batch_tokens, bf16=bf16)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Changes with whatever changes a score; not with the folder."""
        return Fingerprint.of(
            self._model,
            name=self._name,
            max_length=self._max_length,
            precision="bf16 autocast" if self._bf16 else None,
            similarity=str(self._model.similarity_fn_name),
        )

    def score(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Scores `[len(pairs)]` of (query, passage) texts, in their order; a higher score is a better match."""
        scores = np.empty(len(pairs), np.float32)
        asked: dict[str, list[int]] = {}
        for row, (_, passage) in enumerate(pairs):
            asked.setdefault(passage, []).append(row)
        passages = list(asked)
        for start in range(0, len(passages), BLOCK):
            block = passages[start : start + BLOCK]
            rows = [row for passage in block for row in asked[passage]]
            scores[rows] = self._score([pairs[row] for row in rows], block)
        return scores

    def _score(self, pairs: list[Pair], passages: list[str]) -> list[float]:
        # An index knows texts by their ids; here they are their own.
        index = self._index({passage: passage for passage in passages})
        wanted: dict[str, dict[str, None]] = {}
        for query, passage in pairs:
            wanted.setdefault(query, {})[passage] = None
        found = index.score({query: query for query in wanted}, {query: list(own) for query, own in wanted.items()})
        return [found[query][passage] for query, passage in pairs]


def _shorten(model: MultiVectorEncoder | SparseEncoder, max_length: int) -> int:
    """Read no more than `max_length` tokens of a passage, and return how many are read."""
    reader: Any = model[0] if isinstance(model, MultiVectorEncoder) else model
    name = "document_length" if isinstance(model, MultiVectorEncoder) else "max_seq_length"
    length = min(max_length, getattr(reader, name) or max_length)
    setattr(reader, name, length)
    return length
