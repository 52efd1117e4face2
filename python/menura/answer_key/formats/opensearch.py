"""OpenSearch's sparse training lists: `{"query", "docs", "scores"}`, or `{"query", "pos", "negs"}` without scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from menura.answer_key.formats.checks import scores_of
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.files import rows, write_json_lines

__all__ = ["read_opensearch", "write_opensearch"]


def read_opensearch(path: Path) -> Iterator[Judged]:
    """One record a line; `path` may be a folder of such files."""
    for row in rows(path):
        query = row.text("query")
        if "docs" in row:
            yield Judged(row.place, query, row.texts("docs"), row.numbers("scores"))
        else:
            passages = [row.text("pos"), *row.texts("negs")]
            relevant = [position == 0 for position in range(len(passages))]
            yield Judged(row.place, query, passages, relevant=relevant)


def write_opensearch(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """One line a record."""
    write_json_lines(
        path,
        (
            {
                "query": texts.query(record.query, record.place),
                "docs": [texts.passage(passage, record.place) for passage in record.passages],
                "scores": scores_of(record),
            }
            for record in records
        ),
    )
