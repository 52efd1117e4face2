"""Writing files and folders whole or not at all: beside their place first, then renamed."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from menura.errors import MenuraError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["whole_file", "whole_folder", "write_csv", "write_json", "write_json_lines", "write_lines", "write_table"]

BATCH_ROWS = 4096


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place beside `path` that takes its name when the block ends, and is removed if the block fails.

    Raises:
        MenuraError: the place cannot be written.
    """
    unfinished = _unfinished(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise MenuraError(f"[files] cannot write {path}: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _unfinished(path: Path) -> Path:
    """Of this writer alone: two may write the same file."""
    return path.with_name(f"unfinished-{uuid.uuid4().hex[:8]}-{path.name}")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """The same for a folder, which must not be there yet, or be empty.

    Raises:
        MenuraError: it cannot be written, or holds something.
    """
    unfinished = _unfinished(path)
    try:
        if path.is_dir() and any(path.iterdir()):
            raise MenuraError(f"[files] {path} holds files already; name a new folder, or move them away.")
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise MenuraError(f"[files] cannot write {path}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines; a `.gz` is packed on the way.

    Raises:
        MenuraError: the file cannot be written or is called Parquet, or a line is not valid Unicode.
    """
    if path.suffix == ".parquet":
        raise MenuraError(f"[files] cannot write {path}: the format is one of lines; name a .jsonl, .tsv or the like.")
    with (
        _valid_unicode(path),
        whole_file(path) as unfinished,
        gzip.open(unfinished, "wt", encoding="utf-8")
        if path.suffix == ".gz"
        else unfinished.open("w", encoding="utf-8") as file,
    ):
        file.writelines(f"{line}\n" for line in lines)


@contextmanager
def _valid_unicode(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeEncodeError as error:
        raise MenuraError(
            f"[files] cannot write {path}: {error.object[:80]!a} holds half of a character, at {error.start}."
        ) from error


def write_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Write one JSON value a line. Raises as `write_lines` does."""
    write_lines(path, (json.dumps(value, ensure_ascii=False) for value in values))


def write_json(path: Path, value: Any) -> None:
    """Write one JSON value, for a person to read as well. Raises as `whole_file` does."""
    with whole_file(path) as unfinished:
        unfinished.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, at least one, under the keys of the first. Raises as `whole_file` does."""
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_table(path: Path, rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Write rows as Parquet, of `schema`, if `path` ends in `.parquet`, else as JSON lines.

    Raises:
        MenuraError: the file cannot be written.
    """
    if path.suffix != ".parquet":
        write_json_lines(path, rows)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    remaining = iter(rows)
    with whole_file(path) as unfinished, pq.ParquetWriter(unfinished, schema) as writer:
        while batch := list(islice(remaining, BATCH_ROWS)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
