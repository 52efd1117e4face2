"""The passages that a query is trained on: its positives and mined negatives, each with who found it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from menura.errors import MenuraError
from menura.files import whole_file

__all__ = ["POSITIVE", "Candidates"]

POSITIVE = "positive"
DROPPED_FILE = "dropped.parquet"

FINDER = pa.struct([("miner", pa.string()), ("rank", pa.int32()), ("score", pa.float32())])
SCHEMA = pa.schema(
    [
        ("query_id", pa.string()),
        ("passage_id", pa.string()),
        ("origin", pa.string()),  # "positive", or the miner whose turn took the negative
        ("rank", pa.int32()),  # within its origin, from 1
        ("score", pa.float32()),  # the miner's; null where it gives none, and for positives
        ("found_by", pa.list_(FINDER)),  # every miner that found it, also of a positive
    ]
)
DROPPED = pa.schema(
    [
        ("query_id", pa.string()),
        ("passage_id", pa.string()),
        ("reason", pa.string()),
        ("score", pa.float32()),  # the judge's; null where the reason is another
        ("limit", pa.float32()),  # what the score is above, or below
    ]
)


@dataclass(frozen=True)
class Candidates:
    """A table with one row per (query, passage); negatives of a query stand in the order they were mined.

    `dropped` has a row for each passage that was found and not taken, with the reason.
    """

    table: pa.Table
    dropped: pa.Table = field(default_factory=DROPPED.empty_table)

    @classmethod
    def from_rows(cls, rows: list[dict[str, object]], dropped: list[dict[str, object]] | None = None) -> Candidates:
        """Rows with the keys of the schemas; what is left out is null."""
        return cls(pa.Table.from_pylist(rows, schema=SCHEMA), pa.Table.from_pylist(dropped or [], schema=DROPPED))

    @classmethod
    def read(cls, path: Path) -> Candidates:
        """Read the Parquet files that `write` made.

        Raises:
            MenuraError: a file is missing, unreadable or of another schema.
        """
        return cls(_read(path, SCHEMA), _read(path.with_name(DROPPED_FILE), DROPPED))

    def write(self, path: Path) -> None:
        """Write the table as a Parquet file, and ``dropped.parquet`` beside it, each whole or not at all.

        Raises:
            MenuraError: the place cannot be written.
        """
        _write(self.dropped, path.with_name(DROPPED_FILE))
        _write(self.table, path)

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

    def with_dropped(self, rows: list[dict[str, object]]) -> Candidates:
        """The same, with more rows of `dropped`."""
        return replace(self, dropped=pa.concat_tables([self.dropped, pa.Table.from_pylist(rows, schema=DROPPED)]))

    def finders(self) -> pa.Table:
        """One row per (query, passage, miner that found it): query_id, passage_id, miner, rank, score."""
        owners = pc.list_parent_indices(self.table["found_by"])
        found = pc.list_flatten(self.table["found_by"])
        columns = {name: self.table[name].take(owners) for name in ("query_id", "passage_id")}
        columns |= {part.name: pc.struct_field(found, part.name) for part in FINDER}
        return pa.table(columns)

    def drop_counts(self) -> dict[str, int]:
        """Reason -> how many passages were dropped for it."""
        return dict(Counter(self.dropped["reason"].to_pylist()).most_common())


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    try:
        return pq.read_table(path).cast(schema)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise MenuraError(f"[mining] cannot read candidates from {path}: {error}.") from error


def _write(table: pa.Table, path: Path) -> None:
    with whole_file(path) as unfinished:
        pq.write_table(table, unfinished)
