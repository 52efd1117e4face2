"""Exact search over a whole corpus with a student, through our operators."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from torch import Tensor

from menura.batching import length_sorted_batches
from menura.collections import Run, top
from menura.errors import MenuraError
from menura.ops import search, sparse_dot

__all__ = ["Search", "colbert_search", "splade_search"]


@dataclass(frozen=True)
class Search:
    """What a search found, and what it took.

    `seconds` is the time of the queries alone: encoding, scoring against every passage, ranking. Preparing the
    passages, encoding or indexing, took `document_seconds`. `query_terms` and `document_terms` are mean active terms.
    None: not measured, or nothing to measure.
    """

    run: Run
    seconds: float | None
    query_terms: float | None = None
    document_terms: float | None = None
    document_seconds: float | None = None


def colbert_search(
    model: MultiVectorEncoder,
    corpus: Mapping[str, str],
    queries: Mapping[str, str],
    *,
    depth: int,
    batch_size: int = 64,
    bf16: bool = False,
) -> Search:
    """Rank all of `corpus` (id -> text) for each of `queries` (id -> text) by MaxSim; the `depth` best are kept."""
    # In the order of their ids, which is that of equal scores.
    passage_ids = sorted(corpus)
    texts = [corpus[passage_id] for passage_id in passage_ids]
    documents: list[Tensor] = [torch.empty(0)] * len(texts)
    with torch.inference_mode(), torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
        began = time.perf_counter()
        for batch in length_sorted_batches(texts, batch_size, "Encoding passages"):
            tokens = model.encode_document([texts[i] for i in batch], batch_size=len(batch), show_progress_bar=False)
            for i, embeddings in zip(batch, tokens, strict=True):
                documents[i] = embeddings.float()
        packed, cu_seqlens_d = _packed(documents)
        started = time.perf_counter()
        asked = model.encode_query(list(queries.values()), batch_size=batch_size, show_progress_bar=False)
        packed_queries, cu_seqlens_q = _packed([embeddings.float() for embeddings in asked])
        scores, found = search(packed_queries, packed, cu_seqlens_q, cu_seqlens_d, depth)
    run = {
        query_id: {passage_ids[i]: score for i, score in zip(numbers, row, strict=True)}
        for query_id, numbers, row in zip(queries, found.tolist(), scores.tolist(), strict=True)
    }
    seconds = time.perf_counter() - started
    broken = next((f"{q!r} and {p!r}" for q, row in run.items() for p, score in row.items() if score != score), None)
    if broken is not None:
        raise MenuraError(f"[students] the score of {broken} is NaN; the model that gave it is broken.")
    return Search(run, seconds, document_seconds=started - began)


def splade_search(
    model: SparseEncoder,
    corpus: Mapping[str, str],
    queries: Mapping[str, str],
    *,
    depth: int,
    batch_size: int = 64,
    bf16: bool = False,
) -> Search:
    """Rank all of `corpus` (id -> text) for each of `queries` (id -> text) by dot product; the `depth` best stay."""
    texts = list(corpus.values())
    scored: list[tuple[list[int], Tensor]] = []
    terms = 0
    with torch.inference_mode(), torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
        documents = []
        began = time.perf_counter()
        for batch in length_sorted_batches(texts, batch_size, "Encoding passages"):
            activations = model.encode_document(
                [texts[i] for i in batch], batch_size=len(batch), show_progress_bar=False, convert_to_sparse_tensor=True
            )
            documents.append((batch, activations))
        started = time.perf_counter()
        asked = model.encode_query(
            list(queries.values()), batch_size=batch_size, show_progress_bar=False, convert_to_sparse_tensor=False
        )
        for batch, activations in documents:
            passages = activations.to_dense()
            terms += int(passages.count_nonzero())
            scored.append((batch, sparse_dot(asked, passages)))
    run = _rank(scored, list(queries), list(corpus), depth)
    seconds = time.perf_counter() - started
    query_terms = int(asked.count_nonzero()) / max(1, len(queries))
    return Search(run, seconds, query_terms, terms / max(1, len(corpus)), started - began)


def _packed(embeddings: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Token embeddings `[L_n,d]` one behind the other, `[T,d]`, and where each text begins, `[N+1]`."""
    lengths = torch.tensor([0, *(len(tokens) for tokens in embeddings)])
    return torch.cat(embeddings), lengths.cumsum(0).to(embeddings[0].device)


def _rank(scored: list[tuple[list[int], Tensor]], query_ids: list[str], passage_ids: list[str], depth: int) -> Run:
    scores = np.empty((len(query_ids), len(passage_ids)), np.float32)
    for batch, columns in scored:
        scores[:, batch] = columns.cpu().numpy()
    return {query_id: top(row, passage_ids, depth) for query_id, row in zip(query_ids, scores, strict=True)}
