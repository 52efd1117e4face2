"""Tables of one pair a row: `qid, docno, score` as of rank-distillm, or `query_id, passage_id, score`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from menura.answer_key.formats.checks import scores_of
from menura.answer_key.formats.grouping import grouped
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.files import Ids, rows, write_table

__all__ = ["read_pairs", "write_pairs"]

QUERY_COLUMNS = ("qid", "query_id")
PASSAGE_COLUMNS = ("docno", "passage_id", "doc_id", "document_id")
COLUMNS = pa.schema([("qid", pa.string()), ("docno", pa.string()), ("rank", pa.int32()), ("score", pa.float32())])


def read_pairs(path: Path) -> Iterator[Judged]:
    """One record for the rows of a query that follow one another; `path` may be a folder of tables."""
    return grouped(_rows(path))


def write_pairs(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """`qid, docno, rank, score`, the best of each query first; Parquet or JSON lines by the name of `path`."""
    write_table(path, (row for record in records for row in _ranked(record)), COLUMNS)


def _rows(path: Path) -> Iterator[tuple[str, str, str, float]]:
    queries, passages = Ids("query"), Ids("passage")
    for row in rows(path):
        yield (
            row.place,
            queries.one(row.value(*QUERY_COLUMNS), row.place),
            passages.one(row.value(*PASSAGE_COLUMNS), row.place),
            row.number("score"),
        )


def _ranked(record: Judged) -> Iterator[dict[str, Any]]:
    pairs = sorted(zip(record.passages, scores_of(record), strict=True), key=lambda pair: -pair[1])
    for rank, (passage, score) in enumerate(pairs, start=1):
        yield {"qid": record.query, "docno": passage, "rank": rank, "score": score}
