"""Which (query, passage) pairs are meant: millions of them, in twelve bytes each and less."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from menura.answer_key.hashing import HASH_BYTES, Hashes, hash_column

__all__ = ["Pairs"]

STEP = 1 << 20


class Pairs:
    """Distinct pairs of texts, each text known by its hash, ordered by query.

    Args:
        query_hashes: `[Q,16]`; the same text may stand twice.
        passage_hashes: `[P,16]`; likewise.
        query_rows: `[N]` rows of `query_hashes`; pairs may repeat.
        passage_rows: `[N]` rows of `passage_hashes`.
    """

    def __init__(
        self, query_hashes: Hashes, passage_hashes: Hashes, query_rows: ArrayLike, passage_rows: ArrayLike
    ) -> None:
        self._queries, self._query_numbers = _distinct(query_hashes)
        self._passages, self._passage_numbers = _distinct(passage_hashes)
        codes = self._codes(np.asarray(query_rows), np.asarray(passage_rows))
        codes.sort()
        self.codes = _without_repetition(codes)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def query_hashes(self) -> Hashes:
        """The distinct queries `[Q',16]`."""
        return self._queries

    @property
    def passage_hashes(self) -> Hashes:
        """The distinct passages `[P',16]`."""
        return self._passages

    def positions(self, query_rows: ArrayLike, passage_rows: ArrayLike) -> NDArray[np.intp]:
        """Where pairs `[N]`, given by rows as in the constructor, stand among these; each must be one of them."""
        return np.searchsorted(self.codes, self._codes(np.asarray(query_rows), np.asarray(passage_rows)))

    def rows(self, positions: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows of the constructor's tables, for queries and for passages, of the pairs at `positions`."""
        queries, passages = np.divmod(self.codes[positions], max(1, len(self._passages)))
        return self._query_sources[queries], self._passage_sources[passages]

    def hashes(self, positions: NDArray[np.intp]) -> tuple[Hashes, Hashes]:
        """The two hashes of the pairs at `positions`."""
        queries, passages = np.divmod(self.codes[positions], max(1, len(self._passages)))
        return self._queries[queries], self._passages[passages]

    @cached_property
    def _query_sources(self) -> NDArray[np.intp]:
        return np.unique(self._query_numbers, return_index=True)[1]

    @cached_property
    def _passage_sources(self) -> NDArray[np.intp]:
        return np.unique(self._passage_numbers, return_index=True)[1]

    def _codes(self, query_rows: NDArray[np.integer], passage_rows: NDArray[np.integer]) -> NDArray[np.int64]:
        codes: NDArray[np.int64] = self._query_numbers[query_rows].astype(np.int64)
        codes *= len(self._passages)
        codes += self._passage_numbers[passage_rows]
        return codes


def _distinct(hashes: Hashes) -> tuple[Hashes, NDArray[np.int32]]:
    """The rows without repetition, and for each row its number among them; by first appearance."""
    halves = np.sort(np.ascontiguousarray(hashes[:, :8]).view(np.uint64).ravel())
    if (halves[1:] != halves[:-1]).all():  # the usual case, at a tenth of the time and memory
        return hashes, np.arange(len(hashes), dtype=np.int32)
    encoded = hash_column(hashes).dictionary_encode()
    numbers = encoded.indices.to_numpy()
    content = np.frombuffer(encoded.dictionary.buffers()[2], np.uint8)
    return content[: len(encoded.dictionary) * HASH_BYTES].reshape(-1, HASH_BYTES), numbers


def _without_repetition(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The distinct ones of ascending `codes`, moved together in place: there may be hundreds of millions."""
    end = 0
    for start in range(0, len(codes), STEP):
        block = codes[start : start + STEP]
        kept = block[np.append(True, block[1:] != block[:-1])]
        kept = kept[1:] if end and kept[0] == codes[end - 1] else kept
        codes[end : end + len(kept)] = kept
        end += len(kept)
    return codes[:end]
