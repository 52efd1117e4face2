"""sentence-transformers' tables of ids: labelled lists, and triples with a margin or without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from menura.answer_key.formats.checks import couples_of, margin_of, sides_of
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.files import Ids, Row, rows, write_table

__all__ = ["read_labelled_lists", "read_margins", "write_labelled_lists", "write_margins"]

LISTS = pa.schema([("query_id", pa.string()), ("doc_ids", pa.list_(pa.string())), ("labels", pa.list_(pa.int8()))])
MARGINS = pa.schema(
    [
        ("query_id", pa.string()),
        ("positive_id", pa.string()),
        ("negative_id", pa.string()),
        ("score", pa.float32()),
    ]
)


def read_labelled_lists(path: Path) -> Iterator[Judged]:
    """`query_id, doc_ids, labels`: 1 for a positive, else 0. Without labels, a ranking."""
    queries, passages = Ids("query"), Ids("passage")
    for row in rows(path):
        yield Judged(
            row.place,
            queries.one(row.value("query_id"), row.place),
            passages.many(row.items("doc_ids"), row.place),
            relevant=_relevant(row),
        )


def write_labelled_lists(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """Parquet or JSON lines by the name of `path`; scores are left out."""
    write_table(path, (_list(record) for record in records), LISTS)


def read_margins(path: Path) -> Iterator[Judged]:
    """`query_id, positive_id, negative_id` and the `score` of the one less that of the other, where it is there."""
    queries, passages = Ids("query"), Ids("passage")
    for row in rows(path):
        yield Judged(
            row.place,
            queries.one(row.value("query_id"), row.place),
            passages.many([row.value("positive_id"), row.value("negative_id")], row.place),
            margins=[row.number("score")] if "score" in row else None,
            relevant=[True, False],
        )


def write_margins(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """A row for every positive and every other passage; Parquet or JSON lines by the name of `path`."""
    write_table(path, (row for record in records for row in _margins(record)), MARGINS)


def _relevant(row: Row) -> list[bool] | None:
    if "labels" not in row:
        return None
    labels = row.numbers("labels")
    if not set(labels) <= {0.0, 1.0}:
        raise row.fault("'labels' must be 0 or 1")
    return [label == 1 for label in labels]


def _list(record: Judged) -> dict[str, Any]:
    positives, _ = sides_of(record)
    labels = [int(position in positives) for position in range(len(record.passages))]
    return {"query_id": record.query, "doc_ids": record.passages, "labels": labels}


def _margins(record: Judged) -> Iterator[dict[str, Any]]:
    for positive, negative in couples_of(record):
        yield {
            "query_id": record.query,
            "positive_id": record.passages[positive],
            "negative_id": record.passages[negative],
            "score": margin_of(record, positive, negative),
        }
