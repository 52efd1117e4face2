"""Runs: what a search returns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from menura.errors import MenuraError

__all__ = ["Run", "top"]

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
