"""Dense search with a bi-encoder, exact over the whole corpus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer

from menura.batching import length_sorted_batches
from menura.collections import Run, top
from menura.errors import MenuraError
from menura.weights import resolve_model

__all__ = ["DenseMiner"]

# Queries scored against the whole corpus at a time; bounds the score matrix.
QUERY_CHUNK = 1024


class DenseMiner:
    """Cosine similarity of sentence embeddings. Passages beyond the model's length are truncated.

    Args:
        model: a sentence-transformers model: a folder, hub name or ``package:NAME``.
        corpus: passage id -> text. Blank passages are never found.
        max_length: tokens of a passage that are read. None: as many as the model can.
        bf16: encode under bf16 autocast.

    Raises:
        MenuraError: the model cannot be loaded, or no passage has text.
    """

    def __init__(
        self,
        model: str,
        corpus: Mapping[str, str],
        *,
        max_length: int | None = None,
        batch_size: int = 64,
        bf16: bool = False,
    ) -> None:
        self._passage_ids = [passage_id for passage_id, text in corpus.items() if text.strip()]
        self._rows = {passage_id: row for row, passage_id in enumerate(self._passage_ids)}
        if not self._passage_ids:
            raise MenuraError("[mining] there is nothing to embed: the corpus is empty or all blank.")
        try:
            self._model = SentenceTransformer(resolve_model(model))
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise MenuraError(f"[mining] cannot load the dense model {model!r}: {reason}") from error
        if max_length is not None:
            self._model.max_seq_length = min(max_length, self._model.max_seq_length or max_length)
        self._batch_size = batch_size
        self._bf16 = bf16
        self._query_embeddings: dict[str, torch.Tensor] = {}
        self._embeddings = self._encode([corpus[passage_id] for passage_id in self._passage_ids], "Embedding passages")

    def search(self, queries: Mapping[str, str], depth: int) -> Run:
        """The `depth` most similar passages of every query; ties by passage id.

        Raises:
            MenuraError: an embedding is NaN.
        """
        if not queries:
            return {}
        chunks = self._embed_queries(list(queries.values())).split(QUERY_CHUNK)
        scores = (row for chunk in chunks for row in (chunk @ self._embeddings.T).numpy())
        return {query_id: top(row, self._passage_ids, depth) for query_id, row in zip(queries, scores, strict=True)}

    def similarities(self, query: str, passage_ids: Iterable[str]) -> dict[str, float]:
        """Passage id -> similarity to the text `query`, for passages that are not blank."""
        chosen = list(passage_ids)
        passages = self._embeddings[[self._rows[passage_id] for passage_id in chosen]]
        return dict(zip(chosen, (passages @ self._embed_queries([query])[0]).tolist(), strict=True))

    def _embed_queries(self, texts: list[str]) -> torch.Tensor:
        new = [text for text in dict.fromkeys(texts) if text not in self._query_embeddings]
        if new:
            self._query_embeddings.update(zip(new, self._encode(new, "Embedding queries"), strict=True))
        return torch.stack([self._query_embeddings[text] for text in texts])

    def _encode(self, texts: list[str], description: str) -> torch.Tensor:
        embeddings = torch.empty(len(texts), self._model.get_embedding_dimension() or 0)
        with torch.autocast(self._model.device.type, torch.bfloat16, enabled=self._bf16):
            for batch in length_sorted_batches(texts, self._batch_size, description):
                encoded = self._model.encode(
                    [texts[i] for i in batch], convert_to_tensor=True, show_progress_bar=False, batch_size=len(batch)
                )
                embeddings[batch] = encoded.float().cpu()
        return torch.nn.functional.normalize(embeddings, dim=-1)
