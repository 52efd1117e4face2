"""Passages drawn at random: what a student must rank low, and no other miner ever shows it."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from menura.collections import Run

__all__ = ["RandomMiner"]


class RandomMiner:
    """Draws from `corpus` (passage id -> text), the same for the same `seed`. Blank passages are never drawn."""

    def __init__(self, corpus: Mapping[str, str], *, seed: int) -> None:
        self._passage_ids = [passage_id for passage_id, text in corpus.items() if text.strip()]
        self._generator = random.Random(seed)

    def search(self, queries: Mapping[str, str], depth: int) -> Run:
        """`depth` passages for every query, without a score: NaN."""
        depth = min(depth, len(self._passage_ids))
        return {
            query_id: dict.fromkeys(self._generator.sample(self._passage_ids, depth), math.nan) for query_id in queries
        }
