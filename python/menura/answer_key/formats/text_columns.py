"""The columns sentence-transformers trains on: `query, positive, negative_1, ..., scores`, texts in every one.

Its losses read columns by position: the query, the passages, and a label column, which holds a score for every
passage or the margin of the first to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from menura.answer_key.formats.checks import scores_of, sides_of
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.files import Row, rows, write_table

__all__ = ["read_text_columns", "write_text_columns"]

LABELS = ("label", "labels", "score", "scores")


def read_text_columns(path: Path) -> Iterator[Judged]:
    """One record a row; `path` may be a folder of tables."""
    for row in rows(path):
        columns = [name for name in row.values if name not in LABELS]
        if len(columns) < 2:
            raise row.fault("expected a column for the query and one for each passage")
        query, *passages = (row.text(name) for name in columns)
        positive = columns[1].startswith("positive")
        relevant = [positive and not position for position in range(len(passages))] if positive else None
        scores, margins = _labels(row, len(passages))
        yield Judged(row.place, query, passages, scores, margins, relevant)


def write_text_columns(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """A row for every positive with all negatives of its query; Parquet or JSON lines by the name of `path`.

    Raises:
        MenuraError: queries have different numbers of negatives.
    """
    remaining = iter(records)
    first = next(remaining, None)
    width = 0 if first is None else len(sides_of(first)[1])
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("query", "positive", *_negatives(width))),
            ("scores", pa.list_(pa.float32())),
        ]
    )
    whole = chain([] if first is None else [first], remaining)
    write_table(path, (row for record in whole for row in _rows(record, texts, width)), schema)


def _labels(row: Row, passages: int) -> tuple[list[float] | None, list[float] | None]:
    """Scores and margins; at most one of them is there."""
    name = next((name for name in LABELS if name in row), None)
    if name is None:
        return None, None
    single = isinstance(row.value(name), int | float)
    if passages == 1 and isinstance(row.value(name), int):
        raise row.fault(f"{name!r} is a class, not a teacher's score")
    values = [row.number(name)] if single else row.numbers(name)
    return (None, values) if len(values) == passages - 1 else (values, None)


def _rows(record: Judged, texts: Texts, width: int) -> Iterator[dict[str, Any]]:
    scores = scores_of(record)
    positives, negatives = sides_of(record)
    if len(negatives) != width:
        raise record.fault(
            f"its query has {len(negatives)} negatives and the first one {width}, and all rows need the same columns; "
            "say how many to write"
        )
    found = {
        name: texts.passage(record.passages[position], record.place)
        for name, position in zip(_negatives(width), negatives, strict=True)
    }
    for positive in positives:
        yield {
            "query": texts.query(record.query, record.place),
            "positive": texts.passage(record.passages[positive], record.place),
            **found,
            "scores": [scores[position] for position in (positive, *negatives)],
        }


def _negatives(width: int) -> list[str]:
    return [f"negative_{number}" for number in range(1, width + 1)]
