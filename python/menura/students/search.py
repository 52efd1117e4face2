"""Exact search over a whole corpus with a student, and what it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from sentence_transformers import MultiVectorEncoder, SparseEncoder

from menura.collections import Run
from menura.students.index import ColbertIndex, SpladeIndex, mean_terms

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
    began = time.perf_counter()
    index = ColbertIndex(model, corpus, batch_size=batch_size, bf16=bf16)
    started = time.perf_counter()
    run = index.search(queries, depth)
    return Search(run, time.perf_counter() - started, document_seconds=started - began)


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
    began = time.perf_counter()
    index = SpladeIndex(model, corpus, batch_size=batch_size, bf16=bf16)
    started = time.perf_counter()
    encoded = index.encode(queries)
    run = index.rank(encoded, list(queries), depth)
    seconds = time.perf_counter() - started
    return Search(run, seconds, mean_terms(encoded), index.document_terms, started - began)
