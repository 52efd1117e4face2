"""Scored pairs on their way from a file into the answer key, many at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.formats import Judged, Texts
from menura.answer_key.hashing import HASH_BYTES, Hashes, text_hash
from menura.answer_key.pairs import Pairs
from menura.errors import MenuraError

__all__ = ["ScoredPairs", "scored_pairs"]

# Copies of one text, scored in different batches, differ by what rounding does; so may their scores.
TOLERANCE = 0.01


class ScoredPairs:
    """Some records' pairs of texts and their scores, in a few dozen bytes each.

    Args:
        texts: those of the ids that records name. None where records hold texts.
    """

    def __init__(self, texts: Texts | None) -> None:
        self._texts = texts
        self._places: list[str] = []
        self._counts: list[int] = []
        self._queries = bytearray()
        self._passages = bytearray()
        self._scores = array("f")

    def __len__(self) -> int:
        return len(self._scores)

    def add(self, record: Judged) -> None:
        """Add a record.

        Raises:
            MenuraError: it has no scores, names an unknown id, or scores a blank text.
        """
        if record.margins is not None:
            raise record.fault("a margin is the difference of two scores, and tells neither; the key keeps scores")
        if record.scores is None:
            raise record.fault("there are no scores for the answer key")
        query, passages = record.query, record.passages
        if self._texts is not None:
            query = self._texts.query(query, record.place)
            passages = [self._texts.passage(passage, record.place) for passage in passages]
        if not query.strip() or not all(map(str.strip, passages)):
            raise record.fault("the query or a passage is blank, and yet it has a score")
        self._places.append(record.place)
        self._counts.append(len(passages))
        self._queries += text_hash(query)
        self._passages += b"".join(map(text_hash, passages))
        self._scores.extend(record.scores)

    @cached_property
    def pairs(self) -> Pairs:
        """The distinct pairs of texts, once all records are in."""
        return Pairs(self._hashes(self._queries), self._hashes(self._passages), *self._rows)

    def distinct_scores(self) -> NDArray[np.float32]:
        """The scores `[len(pairs)]`; of a pair that comes back, the first.

        Raises:
            MenuraError: a pair has two scores.
        """
        first = self._all_scores[np.unique(self._positions, return_index=True)[1]]
        self.check(first)
        return first

    def check(self, expected: NDArray[np.float32]) -> None:
        """Compare with the scores `[len(pairs)]` that the pairs have elsewhere; NaN: none.

        Raises:
            MenuraError: one is another.
        """
        scores, others = self._all_scores, expected[self._positions]
        contradictions = ~np.isnan(others) & ~np.isclose(scores, others, rtol=TOLERANCE, atol=TOLERANCE)
        if contradictions.any():
            row = int(contradictions.argmax())
            record = int(np.searchsorted(np.cumsum(self._counts), row, side="right"))
            raise MenuraError(
                f"[answer_key] {self._places[record]}: a query and a passage have the score {scores[row]}, and "
                f"{others[row]} before."
            )

    @cached_property
    def _rows(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return np.repeat(np.arange(len(self._counts)), self._counts), np.arange(len(self._scores))

    @cached_property
    def _positions(self) -> NDArray[np.intp]:
        return self.pairs.positions(*self._rows)

    @cached_property
    def _all_scores(self) -> NDArray[np.float32]:
        return np.frombuffer(self._scores, np.float32)

    @staticmethod
    def _hashes(joined: bytearray) -> Hashes:
        return np.frombuffer(joined, np.uint8).reshape(-1, HASH_BYTES)


def scored_pairs(records: Iterable[Judged], texts: Texts | None, size: int) -> Iterator[ScoredPairs]:
    """The pairs of `records`, `size` and a few at a time."""
    chunk = ScoredPairs(texts)
    for record in records:
        chunk.add(record)
        if len(chunk) >= size:
            yield chunk
            chunk = ScoredPairs(texts)
    if len(chunk):
        yield chunk
