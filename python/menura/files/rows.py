"""Rows of tables: Parquet, JSON lines, or a folder of such files."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from menura.errors import MenuraError
from menura.files.lines import json_lines
from menura.files.places import data_files

__all__ = ["Row", "rows"]

# Rows of Parquet that are decoded at a time.
BATCH_ROWS = 1024
SHOWN = 160


@dataclass(frozen=True)
class Row:
    """The values of one row by column, and where it stands.

    Columns go by several names among peers: every method takes them all, and the first that is there counts.

    Raises:
        MenuraError: from every method, with the place and the row, where a column is missing or holds something else.
    """

    place: str
    values: dict[str, Any]

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def value(self, *names: str) -> Any:
        """Whatever stands in the column."""
        for name in names:
            value = self.values.get(name)
            if value is not None:
                return value
        raise self.fault(f"expected the column {' or '.join(map(repr, names))}")

    def text(self, *names: str) -> str:
        """A string."""
        value = self.value(*names)
        if not isinstance(value, str):
            raise self.fault(f"{names[0]!r} must be a string, not {type(value).__name__}")
        return value

    def items(self, *names: str) -> list[Any]:
        """A list, or a string that spells one out."""
        value = self.value(*names)
        if isinstance(value, str):
            value = _spelt_out(value)
        if not isinstance(value, list):
            raise self.fault(f"{names[0]!r} must be a list")
        return value

    def texts(self, *names: str) -> list[str]:
        """A list of strings."""
        values = self.items(*names)
        if not all(isinstance(value, str) for value in values):
            raise self.fault(f"{names[0]!r} must be a list of strings")
        return values

    def objects(self, *names: str) -> list[Row]:
        """A list of objects, each a row of its own."""
        values = self.items(*names)
        if not all(isinstance(value, dict) for value in values):
            raise self.fault(f"{names[0]!r} must be a list of objects")
        return [Row(self.place, value) for value in values]

    def number(self, *names: str) -> float:
        """A number, not one in quotes."""
        return self._numbers([self.value(*names)], names[0])[0]

    def numbers(self, *names: str) -> list[float]:
        """A list of numbers, not in quotes."""
        return self._numbers(self.items(*names), names[0])

    def fault(self, what: str) -> MenuraError:
        """The error that says `what` is wrong, and shows the row."""
        shown = json.dumps(self.values, ensure_ascii=False, default=str)
        return MenuraError(f"[files] {self.place}: {what}; got {shown[:SHOWN]}{'...' * (len(shown) > SHOWN)}")

    def _numbers(self, values: Sequence[Any], name: str) -> list[float]:
        if not {type(value) for value in values} <= {int, float}:
            raise self.fault(f"{name!r} must hold numbers only")
        try:
            return [float(value) for value in values]
        except OverflowError as error:
            raise self.fault(f"{name!r} holds a number that is too large") from error


def rows(path: Path) -> Iterator[Row]:
    """The rows of a `.parquet` file, of any other as JSON lines, or of all tables in a folder; a few at a time.

    Raises:
        MenuraError: a file cannot be read, a line is no JSON object, or the folder holds no table.
    """
    for file in data_files(path):
        yield from _parquet_rows(file) if file.suffix == ".parquet" else _json_rows(file)


def _json_rows(path: Path) -> Iterator[Row]:
    for place, value in json_lines(path):
        if not isinstance(value, dict):
            raise MenuraError(f"[files] {place}: expected a JSON object; got {str(value)[:SHOWN]}")
        yield Row(place, value)


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Buffered, a row group is read in pieces, however large its writer made it.
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            number = 0
            for batch in file.iter_batches(BATCH_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(f"{path} row {number}", values)
    except (OSError, pa.ArrowException) as error:
        raise MenuraError(f"[files] cannot read {path}: {str(error).splitlines()[0]}.") from error


def _spelt_out(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        try:
            return ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return text
