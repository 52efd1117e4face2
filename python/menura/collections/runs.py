"""Runs: what a search returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from menura.errors import MenuraError

__all__ = ["PASSAGE_CHUNK", "QUERY_CHUNK", "Run", "RunningTop", "as_run", "top"]

# Passages scored between two selections, and queries scored at a time: they bound the score matrix.
PASSAGE_CHUNK = 4096
QUERY_CHUNK = 1024

# query id -> passage id -> score, best first
Run = dict[str, dict[str, float]]


def top(scores: NDArray[np.float32], passage_ids: Sequence[str], depth: int) -> dict[str, float]:
    """The `depth` highest `scores [N]`, best first; equal scores in the order of their ids, on every machine.

    Raises:
        MenuraError: a score is NaN.
    """
    if np.isnan(scores).any():
        first = passage_ids[int(np.isnan(scores).argmax())]
        raise MenuraError(f"[collections] the score of passage {first!r} is NaN; the model that gave it is broken.")
    depth = min(depth, len(passage_ids))
    if depth == 0:
        return {}
    threshold = np.partition(scores, -depth)[-depth]
    chosen = np.flatnonzero(scores >= threshold)
    ranked = sorted((-float(scores[i]), passage_ids[i]) for i in chosen.tolist())[:depth]
    return {passage_id: -negated for negated, passage_id in ranked}


class RunningTop:
    """The `depth` best of `passage_ids` for each of `query_ids`, from scores that come block by block in any order.

    The result is that of `top` over whole rows: equal scores in the order of their ids, also where a block ends
    between them. Memory holds `depth` entries a query and one block.
    """

    def __init__(self, query_ids: Sequence[str], passage_ids: Sequence[str], depth: int) -> None:
        self._query_ids = query_ids
        self._depth = depth
        order = sorted(range(len(passage_ids)), key=passage_ids.__getitem__)
        self._ordered_ids = [passage_ids[i] for i in order]
        self._places = np.empty(len(order), np.int64)
        self._places[order] = np.arange(len(order))
        self._best = [np.empty(0, np.int64)] * len(query_ids)

    def add(self, scores: NDArray[np.float32], queries: slice, passages: NDArray[np.int64]) -> None:
        """Take in `scores [Q,C]` of the query numbers `queries` and the passage numbers `passages [C]`.

        Raises:
            MenuraError: a score is NaN.
        """
        if np.isnan(scores).any():
            first = self._ordered_ids[self._places[passages[int(np.isnan(scores).any(0).argmax())]]]
            raise MenuraError(f"[collections] the score of passage {first!r} is NaN; the model that gave it is broken.")
        # One whole number holds both, so that no two are equal: the score above, the id's place, counted down, below.
        keys = _whole(scores) << 32 | (len(self._places) - 1 - self._places[passages])
        for query, row in zip(range(len(self._query_ids))[queries], keys, strict=True):
            best = self._best[query]
            row = np.concatenate([best, row]) if best.size else row
            best = np.partition(row, -self._depth)[-self._depth :] if len(row) > self._depth else row
            self._best[query] = best.copy()  # not a view that keeps the whole block

    def run(self) -> Run:
        """What is best of all that came, best first."""
        return {query_id: self._ranking(best) for query_id, best in zip(self._query_ids, self._best, strict=True)}

    def _ranking(self, best: NDArray[np.int64]) -> dict[str, float]:
        keys = np.sort(best)[::-1]
        places = len(self._places) - 1 - (keys & 0xFFFFFFFF)
        ids = (self._ordered_ids[place] for place in places.tolist())
        return dict(zip(ids, _scores(keys >> 32).tolist(), strict=True))


def _whole(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Whole numbers in the order of `scores`: the bits of a float, all but the sign turned round where it is set."""
    bits = (scores.astype(np.float32) + np.float32(0)).view(np.int32)  # -0 becomes 0, its equal
    return (bits ^ (bits >> 31 & 0x7FFFFFFF)).astype(np.int64)


def _scores(whole: NDArray[np.int64]) -> NDArray[np.float32]:
    bits = whole.astype(np.int32)
    return (bits ^ (bits >> 31 & 0x7FFFFFFF)).view(np.float32)


def as_run(scores: Mapping[tuple[str, str], float]) -> Run:
    """A run from scores of (query id, passage id) pairs; equal scores in the order of their ids."""
    run: Run = {}
    for query_id, passage_id in sorted(scores, key=lambda pair: (pair[0], -scores[pair], pair[1])):
        run.setdefault(query_id, {})[passage_id] = scores[query_id, passage_id]
    return run
