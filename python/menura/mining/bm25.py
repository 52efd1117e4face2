"""BM25 with English stemming, through bm25s (Lù 2024, arXiv 2407.03618)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import bm25s
import numpy as np
import Stemmer
from numpy.typing import NDArray

from menura.collections import Run, top
from menura.errors import MenuraError

__all__ = ["Bm25Miner"]


class Bm25Miner:
    """Lexical search over `corpus` (passage id -> text). Blank passages are never found.

    Raises:
        MenuraError: no passage has a word to search for.
    """

    def __init__(self, corpus: Mapping[str, str]) -> None:
        self._passage_ids = [passage_id for passage_id, text in corpus.items() if text.strip()]
        self._stemmer = Stemmer.Stemmer("english")
        tokens = self._tokenize([corpus[passage_id] for passage_id in self._passage_ids])
        if not any(tokens):
            raise MenuraError("[mining] BM25 found no word to index: the corpus is empty or all blank.")
        self._index = bm25s.BM25()
        self._index.index(tokens, show_progress=False)

    def search(self, queries: Mapping[str, str], depth: int) -> Run:
        """The `depth` best passages of every query with a positive score; ties by passage id."""
        run: Run = {}
        for query_id, scores in self._scores(queries):
            found = top(scores, self._passage_ids, depth)
            run[query_id] = {passage_id: score for passage_id, score in found.items() if score > 0}
        return run

    def score(self, queries: Mapping[str, str], passages: Mapping[str, Sequence[str]]) -> Run:
        """The scores of given `passages` (ids by query id) that are not blank; 0 where no word is shared."""
        rows = {passage_id: row for row, passage_id in enumerate(self._passage_ids)}
        return {
            query_id: {passage_id: float(scores[rows[passage_id]]) for passage_id in passages.get(query_id, ())}
            for query_id, scores in self._scores(queries)
        }

    def _scores(self, queries: Mapping[str, str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Query id and the scores of all passages, query by query."""
        for query_id, tokens in zip(queries, self._tokenize(list(queries.values())), strict=True):
            known = [token for token in tokens if token in self._index.vocab_dict]
            yield query_id, self._index.get_scores(known) if known else np.zeros(len(self._passage_ids), np.float32)

    def _tokenize(self, texts: list[str]) -> list[list[str]]:
        tokens: list[list[str]] = bm25s.tokenize(
            texts, stopwords="en", stemmer=self._stemmer, return_ids=False, show_progress=False
        )
        return tokens
