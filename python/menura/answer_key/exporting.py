"""Candidates and their scores become a file that other people's trainers read."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from menura.answer_key.formats import FORMATS, Judged, Texts, format_named
from menura.answer_key.formats.checks import sides_of
from menura.errors import MenuraError
from menura.progress import track

__all__ = ["export_scores"]

logger = logging.getLogger(__name__)


def export_scores(
    format_name: str, target: str | Path, records: Iterable[Judged], texts: Texts, *, negatives: int | None = None
) -> int:
    """Write records of ids and scores in a format, whole or not at all; returns how many.

    Scores are written with the fewest digits that give the same float32.

    Args:
        target: the file, or for ``lighton`` the folder. A name that ends in `.gz` is packed; tables are Parquet if it
            ends in `.parquet`, else JSON lines.
        records: what to write; ids are those of `texts`.
        negatives: keep the first so many of each query; queries with fewer are left out, and counted in a warning.
            None: all of them.

    Raises:
        MenuraError: the format cannot be written, or cannot hold a record; an id is unknown; no query is left; or the
            place cannot be written.
    """
    form = format_named(format_name)
    if form.write is None:
        names = ", ".join(name for name, other in FORMATS.items() if other.write is not None)
        raise MenuraError(f"[answer_key] the format {form.name} is read, not written; there are: {names}.")
    shaped = [_shortest(record) for record in records]
    if negatives is not None:
        shaped = list(_limited(shaped, negatives))
    if not shaped:
        raise MenuraError("[answer_key] there is nothing to export.")
    form.write(track(shaped, f"Writing {form.name}", total=len(shaped), unit="queries"), Path(target), texts)
    return len(shaped)


def _limited(records: list[Judged], negatives: int) -> Iterator[Judged]:
    short = 0
    for record in records:
        positives, others = sides_of(record)
        if len(others) < negatives:
            short += 1
        else:
            yield record.only([*positives, *others[:negatives]])
    if short:
        logger.warning(
            "%d of %d queries have fewer than %d negatives and are left out.", short, len(records), negatives
        )


def _shortest(record: Judged) -> Judged:
    if record.scores is None:
        return record
    return replace(record, scores=[float(str(np.float32(score))) for score in record.scores])
