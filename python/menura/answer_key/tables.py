"""The tables of an answer key, and what can go wrong with them, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from menura.errors import MenuraError

__all__ = ["RUNS", "SCORES", "TEACHERS", "append", "is_table", "open_table", "readable", "writable"]

SCORES = pa.schema(
    [
        pa.field("teacher", pa.string(), nullable=False),
        pa.field("query_hash", pa.binary(), nullable=False),
        pa.field("passage_hash", pa.binary(), nullable=False),
        pa.field("logit", pa.float32(), nullable=False),
        pa.field("created", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("run", pa.string(), nullable=False),
    ]
)
TEACHERS = pa.schema(
    [pa.field("teacher", pa.string(), nullable=False), pa.field("details", pa.string(), nullable=False)]
)
RUNS = pa.schema(
    [
        pa.field("run", pa.string(), nullable=False),
        pa.field("teacher", pa.string(), nullable=False),
        pa.field("started", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("details", pa.string(), nullable=False),
    ]
)
# A commit that another writer overtakes is tried again on top of it.
COMMIT_RETRIES = 100

UNREADABLE = frozenset("%[]^|=")


def open_table(location: str, schema: pa.Schema, *, partition_by: list[str] | None = None) -> DeltaTable:
    """The table at a path or at an object store's URI, made if it is not there.

    Raises:
        MenuraError: it cannot be read or written, or holds something else.
    """
    expected = Schema.from_arrow(schema)
    try:
        if "://" not in location:
            _check_name(location)
            Path(location).mkdir(parents=True, exist_ok=True)
        try:
            table = DeltaTable.create(location, expected, mode="ignore", partition_by=partition_by)
        except CommitFailedError:  # another writer made it a moment ago
            table = DeltaTable(location)
    except (OSError, DeltaError) as error:
        raise MenuraError(f"[answer_key] cannot open a table at {location}: {_reason(error)}.") from error
    if table.schema() != expected:
        raise MenuraError(f"[answer_key] {location} holds another kind of table; name a new folder.")
    return table


def is_table(location: str) -> bool:
    """Whether there is a table.

    Raises:
        MenuraError: the place cannot be read.
    """
    try:
        return DeltaTable.is_deltatable(location)
    except (OSError, DeltaError) as error:
        raise MenuraError(f"[answer_key] cannot open a table at {location}: {_reason(error)}.") from error


def _check_name(location: str) -> None:
    # Taken for the encoding of a URL or for a column, or ending the process.
    if not UNREADABLE.isdisjoint(str(Path(location).absolute())):
        raise MenuraError(
            f"[answer_key] {location}: Delta tables cannot lie below a folder with any of "
            f"{' '.join(sorted(UNREADABLE))} in its name; choose another one."
        )


def append(table: DeltaTable, rows: pa.Table) -> None:
    """Add `rows`, all or none.

    Raises:
        MenuraError: the table cannot be written.
    """
    with writable(table):
        retries = CommitProperties(max_commit_retries=COMMIT_RETRIES)
        write_deltalake(table, rows, mode="append", commit_properties=retries)


@contextmanager
def readable(table: DeltaTable) -> Iterator[None]:
    """Say of an error inside that `table` cannot be read."""
    try:
        yield
    except (OSError, DeltaError, duckdb.Error, pa.ArrowException) as error:
        raise MenuraError(f"[answer_key] cannot read {table.table_uri}: {_reason(error)}.") from error


@contextmanager
def writable(table: DeltaTable) -> Iterator[None]:
    """Say of an error inside that `table` cannot be written."""
    try:
        yield
    except (OSError, DeltaError) as error:
        raise MenuraError(
            f"[answer_key] cannot write to {table.table_uri}: {_reason(error)}. What was scored before is kept."
        ) from error


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
