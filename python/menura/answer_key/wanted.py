"""Pairs as people name them, by ids, and their texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from menura.answer_key.hashing import hash_texts
from menura.answer_key.pairs import Pairs
from menura.collections import Passage, text_of
from menura.errors import MenuraError

__all__ = ["Pair", "WantedPairs"]

Pair = tuple[str, str]
Text = TypeVar("Text", bound=Passage)


@dataclass(frozen=True)
class WantedPairs:
    """Pairs of a collection: ids and texts of its queries and passages, and for each pair their rows `[N]`."""

    query_ids: list[str]
    passage_ids: list[str]
    query_texts: list[str]
    passage_texts: list[Passage]
    query_rows: NDArray[np.integer]
    passage_rows: NDArray[np.integer]

    @classmethod
    def of(
        cls, pairs: Sequence[Pair] | pa.Table, queries: Mapping[str, str], corpus: Mapping[str, Passage]
    ) -> WantedPairs:
        """Look up (query id, passage id) `pairs`, or the columns `query_id` and `passage_id` of a table.

        A table's id columns may be dictionaries; that takes the least memory.

        Args:
            queries: query id -> text.
            corpus: passage id -> text, or text and image.

        Raises:
            MenuraError: an id is unknown.
        """
        if isinstance(pairs, pa.Table):
            query_ids, query_rows = _encoded(pairs["query_id"])
            passage_ids, passage_rows = _encoded(pairs["passage_id"])
        else:
            query_ids, query_rows = _numbered(query_id for query_id, _ in pairs)
            passage_ids, passage_rows = _numbered(passage_id for _, passage_id in pairs)
        return cls(
            query_ids,
            passage_ids,
            _texts(query_ids, queries, "query"),
            _texts(passage_ids, corpus, "passage"),
            query_rows,
            passage_rows,
        )

    @cached_property
    def pairs(self) -> Pairs:
        """The distinct pairs of texts."""
        return Pairs(hash_texts(self.query_texts), hash_texts(self.passage_texts), self.query_rows, self.passage_rows)

    @cached_property
    def positions(self) -> NDArray[np.intp]:
        """Where each of the pairs `[N]` stands among the distinct ones."""
        return self.pairs.positions(self.query_rows, self.passage_rows)

    def ids(self, position: int) -> Pair:
        """The ids of a pair of texts, or one of them where several have the same text."""
        (query,), (passage,) = self.pairs.rows(np.array([position]))
        return self.query_ids[query], self.passage_ids[passage]

    def texts(self, positions: NDArray[np.intp]) -> list[tuple[str, Passage]]:
        """Queries and passages of the distinct pairs at `positions`."""
        queries, passages = self.pairs.rows(positions)
        return [
            (self.query_texts[query], self.passage_texts[passage])
            for query, passage in zip(queries.tolist(), passages.tolist(), strict=True)
        ]

    def lengths(self, positions: NDArray[np.intp]) -> NDArray[np.int64]:
        """Characters of query and passage together, of the distinct pairs at `positions`."""
        queries, passages = self.pairs.rows(positions)
        lengths: NDArray[np.int64] = self._query_lengths[queries] + self._passage_lengths[passages]
        return lengths

    @cached_property
    def _query_lengths(self) -> NDArray[np.int64]:
        return np.array([len(text) for text in self.query_texts], np.int64)

    @cached_property
    def _passage_lengths(self) -> NDArray[np.int64]:
        return np.array([len(text_of(passage)) for passage in self.passage_texts], np.int64)


def _encoded(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int32]]:
    combined = column.combine_chunks()
    encoded = combined if isinstance(combined, pa.DictionaryArray) else combined.dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()


def _numbered(identifiers: Iterable[str]) -> tuple[list[str], NDArray[np.int32]]:
    numbers: dict[str, int] = {}
    rows = np.fromiter((numbers.setdefault(identifier, len(numbers)) for identifier in identifiers), np.int32)
    return list(numbers), rows


def _texts(identifiers: list[str], texts: Mapping[str, Text], kind: str) -> list[Text]:
    for identifier in identifiers:
        if identifier not in texts:
            some = ", ".join(repr(known) for known in list(texts)[:3])
            raise MenuraError(
                f"[answer_key] no {kind} has the id {identifier!r} ({type(identifier).__name__}); "
                f"{kind} ids look like {some}."
            )
    return [texts[identifier] for identifier in identifiers]
