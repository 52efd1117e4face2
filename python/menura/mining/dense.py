"""Dense search with a bi-encoder, exact over the whole corpus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import sentence_transformers
import torch
import transformers
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from torch import Tensor

from menura.answer_key import text_hash
from menura.batching import length_sorted_batches
from menura.collections import Run, RunningTop
from menura.collections.runs import PASSAGE_CHUNK, QUERY_CHUNK
from menura.errors import MenuraError
from menura.mining.embeddings import EmbeddingCache, EmbeddingDtype, Embeddings
from menura.mining.miner import with_text
from menura.teachers.fingerprint import config_digest, tokenizer_digest, weights_digest
from menura.weights import resolve_model

__all__ = ["DenseMiner"]

Side = Literal["query", "document"]

# Texts embedded between two writes to the cache: what a killed run loses at most.
BLOCK = 4096


class DenseMiner:
    """Cosine similarity of sentence embeddings. Passages beyond the model's length are truncated.

    Queries and passages get the model's own prompts for them, where it has any.

    Args:
        model: a sentence-transformers model: a folder, hub name or ``package:NAME``.
        corpus: passage id -> text. Blank passages are never found.
        max_length: tokens of a passage that are read. None: as many as the model can.
        bf16: encode under bf16 autocast.
        dtype: what embeddings are kept in; they are multiplied in float32.
        cache: where embeddings are kept for the next time, and mapped from. None: in memory, for this time.

    Raises:
        MenuraError: the model cannot be loaded or gives NaN, no passage has text, or the cache cannot be written.
    """

    def __init__(
        self,
        model: str,
        corpus: Mapping[str, str],
        *,
        max_length: int | None = None,
        batch_size: int = 64,
        bf16: bool = False,
        dtype: EmbeddingDtype = "float32",
        cache: EmbeddingCache | None = None,
    ) -> None:
        passages = with_text(corpus)
        try:
            self._model = SentenceTransformer(resolve_model(model))
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise MenuraError(f"[mining] cannot load the dense model {model!r}: {reason}") from error
        if max_length is not None:
            self._model.max_seq_length = min(max_length, self._model.max_seq_length or max_length)
        self._batch_size = batch_size
        self._bf16 = bf16
        self._embeddings = cache.open(self._identity(model), dtype) if cache else Embeddings(dtype)
        self._keys = dict(zip(passages, self._embed(list(passages.values()), "document"), strict=True))
        if cache is not None:
            cache.trim()

    def search(self, queries: Mapping[str, str], depth: int) -> Run:
        """The `depth` most similar passages of every query; equal similarities in the order of their ids."""
        asked = self._embed(list(queries.values()), "query")
        best = RunningTop(list(queries), list(self._keys), depth)
        # A text is multiplied once: of two passages that have it, the product could round one differently.
        having: dict[bytes, list[int]] = {}
        for number, key in enumerate(self._keys.values()):
            having.setdefault(key, []).append(number)
        texts = list(having)
        device = self._model.device
        for numbers, vectors in self._embeddings.scan(texts, PASSAGE_CHUNK):
            passages = [having[texts[number]] for number in numbers]
            columns = np.arange(len(numbers)).repeat([len(same) for same in passages])
            for start in range(0, len(asked), QUERY_CHUNK):
                chunk = slice(start, start + QUERY_CHUNK)
                scores = self._embeddings.gather(asked[chunk]).to(device) @ vectors.to(device).T
                best.add(scores.cpu().numpy()[:, columns], chunk, np.concatenate(passages))
        return best.run()

    def score(self, queries: Mapping[str, str], passages: Mapping[str, Sequence[str]]) -> Run:
        """The similarities of given `passages` (ids by query id) that are not blank."""
        asked = dict(zip(queries, self._embed(list(queries.values()), "query"), strict=True))
        return {query_id: self._similarities(asked[query_id], passages.get(query_id, ())) for query_id in queries}

    def _similarities(self, query: bytes, passage_ids: Sequence[str]) -> dict[str, float]:
        if not passage_ids:
            return {}
        vectors = self._embeddings.gather([self._keys[passage_id] for passage_id in passage_ids])
        similarities = vectors @ self._embeddings.gather([query])[0]
        return dict(zip(passage_ids, similarities.tolist(), strict=True))

    def _embed(self, texts: list[str], side: Side) -> list[bytes]:
        """The keys of `texts`, all of which have embeddings now."""
        keys = [text_hash(f"{side}: {text}") for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._embeddings}
        unknown = list(new)
        for numbers, vectors in self._encode(list(new.values()), side):
            self._embeddings.add([unknown[i] for i in numbers], vectors)
        return keys

    def _encode(self, texts: list[str], side: Side) -> Iterator[tuple[list[int], Tensor]]:
        """Numbers of `texts` `[N]` and their unit vectors `[N,d]`, a block at a time."""
        encode = self._model.encode_query if side == "query" else self._model.encode_document
        description = "Embedding queries" if side == "query" else "Embedding passages"
        numbers: list[int] = []
        vectors: list[Tensor] = []
        for batch in length_sorted_batches(texts, self._batch_size, description) if texts else ():
            with torch.autocast(self._model.device.type, torch.bfloat16, enabled=self._bf16):
                encoded = encode(
                    [texts[i] for i in batch], convert_to_tensor=True, show_progress_bar=False, batch_size=len(batch)
                )
            numbers += batch
            vectors.append(torch.nn.functional.normalize(encoded.float(), dim=-1).cpu())
            if len(numbers) >= BLOCK:
                yield numbers, torch.cat(vectors)
                numbers, vectors = [], []
        if numbers:
            yield numbers, torch.cat(vectors)

    def _identity(self, name: str) -> dict[str, str]:
        """All that changes an embedding, and the model's `name`, which does not."""
        return {
            "model": name,
            "weights": weights_digest(self._model),
            "config": config_digest(self._model),
            "tokenizer": tokenizer_digest(self._model.tokenizer),
            "prompts": f"{self._model.prompts}, default {self._model.default_prompt_name}",
            "max_length": str(self._model.max_seq_length),
            "precision": "bf16 autocast" if self._bf16 else str(next(self._model.parameters()).dtype),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "sentence_transformers": sentence_transformers.__version__,
        }
