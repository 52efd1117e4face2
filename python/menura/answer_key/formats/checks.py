"""What writers ask of a record before they write it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import numpy as np

from menura.answer_key.formats.judged import LARGEST_FLOAT32, Judged

__all__ = ["couples_of", "margin_of", "scores_of", "sides_of", "tab_separated", "whole_number"]

BREAKS = re.compile(r"[\t\r\n]")
WHOLE = re.compile(r"0|[1-9]\d*")


def scores_of(record: Judged) -> list[float]:
    """The scores.

    Raises:
        MenuraError: there are none.
    """
    if record.scores is None:
        raise record.fault("there are no scores to write")
    return record.scores


def sides_of(record: Judged) -> tuple[list[int], list[int]]:
    """The positions of the positives and those of the others.

    Raises:
        MenuraError: nothing says which are positives, or none is.
    """
    if record.relevant is None or not any(record.relevant):
        raise record.fault("a format with positives and negatives needs a positive")
    positives = [position for position, relevant in enumerate(record.relevant) if relevant]
    return positives, [position for position, relevant in enumerate(record.relevant) if not relevant]


def couples_of(record: Judged) -> Iterator[tuple[int, int]]:
    """The positions of every positive with every other passage.

    Raises:
        MenuraError: there are no positives, or nothing but positives.
    """
    positives, others = sides_of(record)
    if not others:
        raise record.fault(
            "a format of triples needs a negative; say how many to write, and queries with fewer are left out"
        )
    return product(positives, others)


def margin_of(record: Judged, positive: int, negative: int) -> float:
    """The score of one passage less that of another, in float32 as they are.

    Raises:
        MenuraError: there are no scores, or the margin is no float32.
    """
    scores = scores_of(record)
    margin = scores[positive] - scores[negative]
    if abs(margin) > LARGEST_FLOAT32:
        raise record.fault(f"the margin between {scores[positive]} and {scores[negative]} is too large")
    return float(str(np.float32(margin)))


def tab_separated(record: Judged, *fields: str) -> str:
    """One line of fields.

    Raises:
        MenuraError: a field holds a tab or the end of a line.
    """
    broken = next((field for field in fields if BREAKS.search(field)), None)
    if broken is not None:
        raise record.fault(f"{broken[:80]!r} cannot stand in a line of fields separated by tabs")
    return "\t".join(fields)


def whole_number(record: Judged, identifier: str) -> int:
    """An id of a format whose ids are whole numbers.

    Raises:
        MenuraError: it is none.
    """
    if not WHOLE.fullmatch(identifier):
        raise record.fault(
            f"ids must be whole numbers in this format, and {identifier!r} is none; choose a format with ids of any "
            "kind, or number the collection"
        )
    return int(identifier)
