"""Pickled score maps, `{query: {passage: score}}`, as sentence-transformers and naver/splade publish them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.pickled import pickled_items
from menura.errors import MenuraError
from menura.files import Ids

__all__ = ["read_score_map"]


def read_score_map(path: Path) -> Iterator[Judged]:
    """One record a query, from `.pkl` or `.pkl.gz`."""
    queries, passages = Ids("query"), Ids("passage")
    for query, scores in pickled_items(path):
        place = f"{path}, query {query!r}"
        if not isinstance(scores, dict) or not {type(score) for score in scores.values()} <= {int, float}:
            raise MenuraError(f"[formats] {place}: expected {{passage: score}}; got {str(scores)[:160]}")
        found = passages.many(list(scores), place)
        yield Judged(place, queries.one(query, place), found, [float(score) for score in scores.values()])
