"""Rows of one pair each, made into records of one query each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from menura.answer_key.formats.judged import Judged

__all__ = ["grouped"]


def grouped(rows: Iterable[tuple[str, str, str, float]]) -> Iterator[Judged]:
    """Join rows (place, query, passage, score) that follow one another and have one query."""
    for query, run in groupby(rows, key=itemgetter(1)):
        places, _, passages, scores = zip(*run, strict=True)
        yield Judged(places[0], query, list(passages), list(scores))
