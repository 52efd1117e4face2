"""Dropping passages that say nearly the same as an earlier one."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["NearDuplicates"]

WORD = re.compile(r"\w+")
SHINGLE_WORDS = 8
TOLERATED_OVERLAP = 0.5


class NearDuplicates:
    """Remembers texts by their runs of eight words; a new one must not share half of its runs with what was seen."""

    def __init__(self) -> None:
        self._queries: set[str] = set()
        self._shingles: set[int] = set()

    def add(self, query: str, passage: str) -> bool:
        """Remember the pair and return True, unless the query or most of the passage was seen before."""
        key = " ".join(WORD.findall(query.lower()))
        shingles = set(_shingles(passage))
        if key in self._queries or len(shingles & self._shingles) > TOLERATED_OVERLAP * len(shingles):
            return False
        self._queries.add(key)
        self._shingles |= shingles
        return True


def _shingles(text: str) -> Iterator[int]:
    words = WORD.findall(text.lower())
    for start in range(max(1, len(words) - SHINGLE_WORDS + 1)):
        yield hash(tuple(words[start : start + SHINGLE_WORDS]))
