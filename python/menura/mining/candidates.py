"""The passages that a query is trained on: its positives and mined negatives, each with its origin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from menura.errors import MenuraError

__all__ = ["POSITIVE", "Candidates"]

POSITIVE = "positive"

SCHEMA = pa.schema(
    [
        ("query_id", pa.string()),
        ("passage_id", pa.string()),
        ("origin", pa.string()),  # "positive", or the miner that found the negative
        ("rank", pa.int32()),  # within its origin, from 1
        ("score", pa.float32()),  # the miner's; null where it gives none, and for positives
    ]
)


@dataclass(frozen=True)
class Candidates:
    """A table with one row per (query, passage); negatives of a query stand in the order they were mined."""

    table: pa.Table

    @classmethod
    def from_rows(cls, rows: list[dict[str, object]]) -> Candidates:
        """Rows with the keys of the schema: query_id, passage_id, origin, rank, score."""
        return cls(pa.Table.from_pylist(rows, schema=SCHEMA))

    @classmethod
    def read(cls, path: Path) -> Candidates:
        """Read a Parquet file that `write` made.

        Raises:
            MenuraError: the file is missing, unreadable or of another schema.
        """
        try:
            return cls(pq.read_table(path).cast(SCHEMA))
        except (OSError, ValueError, pa.ArrowException) as error:
            raise MenuraError(f"[mining] cannot read candidates from {path}: {error}.") from error

    def write(self, path: Path) -> None:
        """Write a Parquet file, whole or not at all.

        Raises:
            MenuraError: the place cannot be written.
        """
        unfinished = path.with_suffix(".unfinished")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(self.table, unfinished)
            unfinished.replace(path)
        except OSError as error:
            raise MenuraError(f"[mining] cannot write {path}: {error.strerror or error}.") from error

    def pairs(self) -> list[tuple[str, str]]:
        """All (query id, passage id)."""
        return list(
            zip(self.table["query_id"].to_pylist(), self.table["passage_id"].to_pylist(), strict=True),
        )

    def by_query(self) -> dict[str, tuple[list[str], list[str]]]:
        """Query id -> (positives, negatives in mined order)."""
        groups: dict[str, tuple[list[str], list[str]]] = {}
        for row in self.table.select(["query_id", "passage_id", "origin"]).to_pylist():
            positives, negatives = groups.setdefault(row["query_id"], ([], []))
            (positives if row["origin"] == POSITIVE else negatives).append(row["passage_id"])
        return groups
