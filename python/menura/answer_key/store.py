"""The answer key: every teacher score there is, by the content of what was scored.

A Delta Lake table (`scores`) with one row per (teacher, query, passage), and one (`teachers`) that says who the
teachers are. Rows are only ever added, each batch whole or not at all, so a crash loses nothing that was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from numpy.typing import NDArray

from menura.errors import MenuraError

__all__ = ["AnswerKey"]

SCORES = pa.schema(
    [
        pa.field("teacher", pa.string(), nullable=False),
        pa.field("query_hash", pa.binary(), nullable=False),
        pa.field("passage_hash", pa.binary(), nullable=False),
        pa.field("logit", pa.float32(), nullable=False),
        pa.field("created", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)
TEACHERS = pa.schema(
    [pa.field("teacher", pa.string(), nullable=False), pa.field("details", pa.string(), nullable=False)]
)
# So many small files are left by appends before they are merged.
COMPACT_FROM = 32
# A commit that another writer overtakes is tried again on top of it.
COMMIT_RETRIES = 100


class AnswerKey:
    """The scores stored under `folder`, which is made if it is not there.

    Raises:
        MenuraError: the folder cannot be read or written, or holds something else.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._scores = self._table("scores", SCORES, partition_by=["teacher"])
        self._teachers = self._table("teachers", TEACHERS)

    def register(self, teacher: str, details: Mapping[str, str]) -> None:
        """Note once what the teacher `teacher` (a fingerprint's digest) is made of."""
        if teacher not in self.teachers():
            rows = pa.table({"teacher": [teacher], "details": [json.dumps(details, sort_keys=True)]}, schema=TEACHERS)
            self._append(self._teachers, rows)

    def teachers(self) -> dict[str, dict[str, str]]:
        """Digest -> details of every teacher that has been asked."""
        with _readable(self._teachers):
            self._teachers.update_incremental()
            rows = self._teachers.to_pyarrow_table().to_pylist()
        return {row["teacher"]: json.loads(row["details"]) for row in rows}

    def logits(self, teacher: str, pairs: Sequence[tuple[bytes, bytes]]) -> NDArray[np.float32]:
        """The raw logits `[len(pairs)]` of (query hash, passage hash) pairs; NaN where there is none.

        Had two writers scored the same pair, the first written counts.

        Raises:
            MenuraError: the table cannot be read.
        """
        if not pairs:
            return np.empty(0, np.float32)
        queries, passages = zip(*pairs, strict=True)
        asked = pa.table({"position": np.arange(len(pairs)), "query_hash": queries, "passage_hash": passages})
        with _readable(self._scores), duckdb.connect() as database:
            self._scores.update_incremental()
            database.register("asked", asked)
            database.register("stored", self._scores.to_pyarrow_dataset())
            found = database.sql(
                """
                SELECT position, arg_min(logit, (created, logit)) AS logit
                FROM asked JOIN stored USING (query_hash, passage_hash)
                WHERE teacher = $teacher
                GROUP BY position
                """,
                params={"teacher": teacher},
            ).to_arrow_table()
        logits = np.full(len(pairs), np.nan, np.float32)
        logits[found["position"].to_numpy()] = found["logit"].to_numpy()
        return logits

    def append(self, teacher: str, pairs: Sequence[tuple[bytes, bytes]], logits: NDArray[np.float32]) -> None:
        """Add the scores of (query hash, passage hash) pairs, all or none.

        Raises:
            MenuraError: the table cannot be written, or a logit is not finite.
        """
        if not np.isfinite(logits).all():
            raise MenuraError("[answer_key] refusing to store a score that is not finite.")
        queries, passages = zip(*pairs, strict=True)
        count = len(pairs)
        rows = {
            "teacher": [teacher] * count,
            "query_hash": queries,
            "passage_hash": passages,
            "logit": logits,
            "created": [datetime.now(timezone.utc)] * count,
        }
        self._append(self._scores, pa.table(rows, schema=SCORES))

    def compact(self) -> None:
        """Merge the small files that many appends leave behind.

        Raises:
            MenuraError: the table cannot be written.
        """
        with _writable(self._scores):
            self._scores.update_incremental()
            if len(self._scores.file_uris()) > COMPACT_FROM:
                # Overtaken by another writer, who merges the same files.
                with suppress(CommitFailedError):
                    self._scores.optimize.compact()

    def _table(self, name: str, schema: pa.Schema, partition_by: list[str] | None = None) -> DeltaTable:
        path = self._folder / name
        expected = Schema.from_arrow(schema)
        try:
            path.mkdir(parents=True, exist_ok=True)
            try:
                table = DeltaTable.create(path, expected, mode="ignore", partition_by=partition_by)
            except CommitFailedError:  # another writer made it a moment ago
                table = DeltaTable(path)
        except (OSError, DeltaError) as error:
            raise MenuraError(f"[answer_key] cannot open a table at {path}: {_reason(error)}.") from error
        if table.schema() != expected:
            raise MenuraError(f"[answer_key] {path} holds another kind of table; name a new folder.")
        return table

    def _append(self, table: DeltaTable, rows: pa.Table) -> None:
        with _writable(table):
            retries = CommitProperties(max_commit_retries=COMMIT_RETRIES)
            write_deltalake(table, rows, mode="append", commit_properties=retries)


@contextmanager
def _readable(table: DeltaTable) -> Iterator[None]:
    try:
        yield
    except (OSError, DeltaError, duckdb.Error, pa.ArrowException) as error:
        raise MenuraError(f"[answer_key] cannot read {table.table_uri}: {_reason(error)}.") from error


@contextmanager
def _writable(table: DeltaTable) -> Iterator[None]:
    try:
        yield
    except (OSError, DeltaError) as error:
        raise MenuraError(
            f"[answer_key] cannot write to {table.table_uri}: {_reason(error)}. What was scored before is kept."
        ) from error


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
