"""Passages drawn at random: what a student must rank low, and no other miner ever shows it."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from menura.collections import Run

__all__ = ["RandomMiner"]


class RandomMiner:
    """Draws from `corpus` (passage id -> text). Blank passages are never drawn.

    What a query gets follows from `seed` and its id alone, whichever other queries there are.
    """

    def __init__(self, corpus: Mapping[str, str], *, seed: int) -> None:
        self._passage_ids = [passage_id for passage_id, text in corpus.items() if text.strip()]
        self._seed = seed

    def search(self, queries: Mapping[str, str], depth: int) -> Run:
        """`depth` passages for every query, without a score: NaN."""
        depth = min(depth, len(self._passage_ids))
        return {query_id: dict.fromkeys(self._draw(query_id, depth), math.nan) for query_id in queries}

    def _draw(self, query_id: str, depth: int) -> list[str]:
        return random.Random(f"{self._seed} {query_id}").sample(self._passage_ids, depth)
