"""A corpus as a student sees it: encoded once, searched exactly for any number of query sets, through our operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from torch import Tensor

from menura.batching import length_sorted_batches
from menura.collections import Run, RunningTop
from menura.collections.runs import PASSAGE_CHUNK, QUERY_CHUNK
from menura.errors import MenuraError
from menura.ops import maxsim_packed, search, sparse_dot

__all__ = ["ColbertIndex", "SpladeIndex"]


class ColbertIndex:
    """The token embeddings of `corpus` (id -> text), ranked by MaxSim. They are held in memory, in float32."""

    def __init__(
        self, model: MultiVectorEncoder, corpus: Mapping[str, str], *, batch_size: int = 64, bf16: bool = False
    ) -> None:
        self._model = model
        self._batch_size = batch_size
        self._bf16 = bf16
        # In the order of their ids, which is that of equal scores.
        self._passage_ids = sorted(corpus)
        texts = [corpus[passage_id] for passage_id in self._passage_ids]
        documents: list[Tensor] = [torch.empty(0)] * len(texts)
        with torch.inference_mode(), torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
            for batch in length_sorted_batches(texts, batch_size, "Encoding passages"):
                tokens = model.encode_document(
                    [texts[i] for i in batch], batch_size=len(batch), show_progress_bar=False
                )
                for i, embeddings in zip(batch, tokens, strict=True):
                    documents[i] = embeddings.float()
        self._documents, self._offsets = _packed(documents)

    @torch.inference_mode()
    def search(self, queries: Mapping[str, str], depth: int) -> Run:
        """The `depth` best passages for each of `queries` (id -> text); equal scores in the order of their ids.

        Raises:
            MenuraError: a score is NaN.
        """
        if not queries:
            return {}
        asked, offsets = self._encode_queries(queries)
        scores, found = search(asked, self._documents, offsets, self._offsets, depth)
        run = {
            query_id: {self._passage_ids[i]: score for i, score in zip(numbers, row, strict=True)}
            for query_id, numbers, row in zip(queries, found.tolist(), scores.tolist(), strict=True)
        }
        _check_no_nan(run)
        return run

    @torch.inference_mode()
    def score(self, queries: Mapping[str, str], passages: Mapping[str, Sequence[str]]) -> Run:
        """The scores of given `passages` (ids by query id)."""
        numbers = {passage_id: number for number, passage_id in enumerate(self._passage_ids)}
        pairs = [(row, numbers[p]) for row, query_id in enumerate(queries) for p in passages.get(query_id, ())]
        if not pairs:
            return {query_id: {} for query_id in queries}
        asked, offsets = self._encode_queries(queries)
        listed = torch.tensor(pairs, device=asked.device)
        scores = iter(maxsim_packed(asked, self._documents, offsets, self._offsets, pairs=listed).tolist())
        return {query_id: {p: next(scores) for p in passages.get(query_id, ())} for query_id in queries}

    def _encode_queries(self, queries: Mapping[str, str]) -> tuple[Tensor, Tensor]:
        with torch.autocast(self._model.device.type, torch.bfloat16, enabled=self._bf16):
            encoded = self._model.encode_query(
                list(queries.values()), batch_size=self._batch_size, show_progress_bar=False
            )
        return _packed([embeddings.float() for embeddings in encoded])


class SpladeIndex:
    """The active terms of `corpus` (id -> text), ranked by dot product. They are held in memory, as one COO matrix.

    `document_terms` is how many a passage has on average.
    """

    def __init__(
        self, model: SparseEncoder, corpus: Mapping[str, str], *, batch_size: int = 64, bf16: bool = False
    ) -> None:
        self._model = model
        self._batch_size = batch_size
        self._bf16 = bf16
        passage_ids, texts = list(corpus), list(corpus.values())
        order: list[int] = []
        encoded: list[Tensor] = []
        with torch.inference_mode(), torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
            for batch in length_sorted_batches(texts, batch_size, "Encoding passages"):
                order.extend(batch)
                encoded.append(
                    model.encode_document(
                        [texts[i] for i in batch],
                        batch_size=len(batch),
                        show_progress_bar=False,
                        convert_to_sparse_tensor=True,
                    )
                )
            self._passages = torch.cat(encoded).coalesce()
        self._passage_ids = [passage_ids[i] for i in order]
        self.document_terms = mean_terms(self._passages)

    def search(self, queries: Mapping[str, str], depth: int) -> Run:
        """The `depth` best passages for each of `queries` (id -> text); equal scores in the order of their ids.

        Raises:
            MenuraError: a score is NaN.
        """
        return self.rank(self.encode(queries), list(queries), depth)

    @torch.inference_mode()
    def encode(self, queries: Mapping[str, str]) -> Tensor:
        """The terms of `queries` (id -> text), `[Q,V]`, COO."""
        with torch.autocast(self._model.device.type, torch.bfloat16, enabled=self._bf16):
            encoded: Tensor = self._model.encode_query(
                list(queries.values()),
                batch_size=self._batch_size,
                show_progress_bar=False,
                convert_to_sparse_tensor=True,
            )
        return encoded.coalesce()

    @torch.inference_mode()
    def rank(self, encoded: Tensor, query_ids: Sequence[str], depth: int) -> Run:
        """`search` with the `encoded` terms `[Q,V]` of the queries `query_ids`."""
        best = RunningTop(query_ids, self._passage_ids, depth)
        for first in range(0, len(self._passage_ids), PASSAGE_CHUNK):
            numbers = torch.arange(first, min(first + PASSAGE_CHUNK, len(self._passage_ids)))
            passages = _rows(self._passages, numbers)
            for start in range(0, len(query_ids), QUERY_CHUNK):
                queries = torch.arange(start, min(start + QUERY_CHUNK, len(query_ids)))
                scores = sparse_dot(_rows(encoded, queries), passages)
                best.add(scores.cpu().numpy(), slice(start, start + QUERY_CHUNK), numbers.numpy())
        return best.run()

    @torch.inference_mode()
    def score(self, queries: Mapping[str, str], passages: Mapping[str, Sequence[str]]) -> Run:
        """The scores of given `passages` (ids by query id)."""
        numbers = {passage_id: number for number, passage_id in enumerate(self._passage_ids)}
        encoded = self.encode(queries)
        run: Run = {}
        for row, query_id in enumerate(queries):
            listed = passages.get(query_id, ())
            chosen = _rows(
                self._passages, torch.tensor([numbers[passage_id] for passage_id in listed], dtype=torch.long)
            )
            scores = sparse_dot(_rows(encoded, torch.tensor([row])), chosen)[0]
            run[query_id] = dict(zip(listed, scores.tolist(), strict=True))
        return run


def mean_terms(terms: Tensor) -> float:
    """Active terms a row of a coalesced COO matrix."""
    return int(terms.values().count_nonzero()) / max(1, terms.shape[0])


def _packed(embeddings: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Token embeddings `[L_n,d]` one behind the other, `[T,d]`, and where each text begins, `[N+1]`."""
    lengths = torch.tensor([0, *(len(tokens) for tokens in embeddings)])
    return torch.cat(embeddings), lengths.cumsum(0).to(embeddings[0].device)


def _check_no_nan(run: Run) -> None:
    broken = next((f"{q!r} and {p!r}" for q, row in run.items() for p, score in row.items() if score != score), None)
    if broken is not None:
        raise MenuraError(f"[students] the score of {broken} is NaN; the model that gave it is broken.")


def _rows(matrix: Tensor, numbers: Tensor) -> Tensor:
    """The rows `numbers` of a coalesced COO matrix, COO."""
    rows, columns = matrix.indices()
    numbers = numbers.to(rows.device)
    starts = torch.searchsorted(rows, numbers)
    lengths = torch.searchsorted(rows, numbers, right=True) - starts
    # Each entry's place: its row's first, and how far it stands behind the first of its row.
    before = lengths.cumsum(0) - lengths
    entries = torch.arange(int(lengths.sum()), device=rows.device) + (starts - before).repeat_interleave(lengths)
    owners = torch.arange(len(numbers), device=rows.device).repeat_interleave(lengths)
    return torch.sparse_coo_tensor(
        torch.stack([owners, columns[entries]]),
        matrix.values()[entries],
        (len(numbers), matrix.shape[1]),
        check_invariants=False,
        is_coalesced=True,
    )
