"""The three tables of LightOn and PyLate: `train`, `queries` and `documents`, joined by ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from menura.answer_key.formats.checks import scores_of
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.files import Ids, Row, rows, table_files, whole_folder, write_table

__all__ = ["read_three_tables", "write_three_tables"]

TRAIN = pa.schema(
    [
        ("query_id", pa.string()),
        ("document_ids", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float32())),
        ("positive_ids", pa.list_(pa.string())),  # null where nothing says which are
    ]
)
# By this, `datasets.load_dataset(FOLDER, "train")` finds the tables, and so does the hub.
CARD = """---
configs:
- config_name: train
  data_files: train.parquet
- config_name: queries
  data_files: queries.parquet
- config_name: documents
  data_files: documents.parquet
---
"""


def read_three_tables(path: Path) -> Iterator[Judged]:
    """One record a row of `train` (or `scores`): `query_id, document_ids, scores` and, where known, `positive_ids`.

    `path` is the folder of all three tables, or that table alone. Lists may be spelt out in strings.
    """
    queries, passages = Ids("query"), Ids("passage")
    for file in table_files(path, "train", "scores") or [path]:
        for row in rows(file):
            found = passages.many(row.items("document_ids"), row.place)
            yield Judged(
                row.place,
                queries.one(row.value("query_id"), row.place),
                found,
                row.numbers("scores"),
                relevant=_relevant(row, found, passages),
            )


def write_three_tables(records: Iterable[Judged], folder: Path, texts: Texts) -> None:
    """Parquet with native lists, of the queries and passages that the records name, and a card for the hub."""
    asked: dict[str, None] = {}
    named: dict[str, None] = {}

    def train() -> Iterator[dict[str, Any]]:
        for record in records:
            asked[record.query] = None
            named.update(dict.fromkeys(record.passages))
            yield {
                "query_id": record.query,
                "document_ids": record.passages,
                "scores": scores_of(record),
                "positive_ids": _positives(record),
            }

    with whole_folder(folder) as unfinished:
        write_table(unfinished / "train.parquet", train(), TRAIN)
        for name, column, identifiers, text in (
            ("queries", "query_id", asked, texts.query),
            ("documents", "document_id", named, texts.passage),
        ):
            found = ({column: identifier, "text": text(identifier, str(folder))} for identifier in identifiers)
            write_table(
                unfinished / f"{name}.parquet", found, pa.schema([(column, pa.string()), ("text", pa.string())])
            )
        (unfinished / "README.md").write_text(CARD, encoding="utf-8")


def _relevant(row: Row, found: list[str], passages: Ids) -> list[bool] | None:
    if "positive_ids" not in row:
        return None
    positives = set(passages.many(row.items("positive_ids"), row.place))
    if not positives <= set(found):
        raise row.fault("'positive_ids' names a passage that 'document_ids' does not")
    return [passage in positives for passage in found]


def _positives(record: Judged) -> list[str] | None:
    if record.relevant is None:
        return None
    return [passage for passage, relevant in zip(record.passages, record.relevant, strict=True) if relevant]
