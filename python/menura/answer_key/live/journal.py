"""Scores on their way into the key: safe at once, a file of the table only by the thousand."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from menura.answer_key.hashing import HASH_BYTES, Hashes, hash_column
from menura.answer_key.store import AnswerKey
from menura.errors import MenuraError

__all__ = ["Journal", "settle"]

SCORES = pa.schema(
    [
        ("teacher", pa.string()),
        ("query_hash", pa.binary()),
        ("passage_hash", pa.binary()),
        ("logit", pa.float32()),
        ("run", pa.string()),
    ]
)


class Journal:
    """A new file in `folder`, which takes scores as an `AnswerKey` does: each batch of them whole or not at all.

    It is locked as long as its process lives, so that `settle` leaves it alone.

    Raises:
        MenuraError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.rows = 0
        self._path = folder / f"{uuid.uuid4().hex}.arrows"
        with self._writing():
            folder.mkdir(parents=True, exist_ok=True)
            unlocked = self._path.with_suffix(".new")
            self._file = unlocked.open("xb")
            fcntl.flock(self._file, fcntl.LOCK_EX)
            unlocked.rename(self._path)
            self._stream = pa.ipc.new_stream(self._file, SCORES)

    def append(self, teacher: str, queries: Hashes, passages: Hashes, logits: NDArray[np.float32], *, run: str) -> None:
        """Add the scores `[N]` of pairs of texts, given by their hashes `[N,16]` each; they are on the disk on return.

        Raises:
            MenuraError: the file cannot be written.
        """
        count = len(logits)
        columns = [
            pa.repeat(teacher, count),
            hash_column(queries),
            hash_column(passages),
            pa.array(logits, pa.float32()),
            pa.repeat(run, count),
        ]
        with self._writing():
            self._stream.write_batch(pa.record_batch(columns, schema=SCORES))
            self._file.flush()
            os.fsync(self._file.fileno())
        self.rows += count

    def close(self) -> None:
        """Let go of the file."""
        with self._writing():
            self._stream.close()
            self._file.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise MenuraError(
                f"[answer_key] cannot write {self._path}: {error}. What was scored before is kept."
            ) from error


def settle(folder: Path, key: AnswerKey) -> int:
    """Move what the journals in `folder` hold into `key`, those of killed processes too; returns how many scores.

    Killed on the way, it may leave scores in both; they are the same, and the key's first counts.

    Raises:
        MenuraError: the key cannot be written, or a journal not read.
    """
    moved = 0
    for path in sorted(folder.glob("*.arrows")):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.fstat(file.fileno()).st_nlink:  # settled between the opening and the lock
                    continue
                scores = pa.Table.from_batches(_whole_batches(file), SCORES).combine_chunks()
                for run in scores["run"].unique().to_pylist():
                    _move(scores.filter(pa.compute.equal(scores["run"], run)), key)
                path.unlink()
        except (BlockingIOError, FileNotFoundError):  # at work, or settled by another process
            continue
        except OSError as error:
            raise MenuraError(f"[answer_key] cannot read {path}: {error.strerror or error}.") from error
        moved += scores.num_rows
    return moved


def _whole_batches(file: BinaryIO) -> Iterator[pa.RecordBatch]:
    """Those before the place where a kill cut the file short."""
    try:
        yield from pa.ipc.open_stream(file)
    except (pa.ArrowInvalid, OSError):
        return


def _move(scores: pa.Table, key: AnswerKey) -> None:
    """Append the scores of one run, which is one teacher's."""
    queries, passages = (
        np.frombuffer(b"".join(scores[name].to_pylist()), np.uint8).reshape(-1, HASH_BYTES)
        for name in ("query_hash", "passage_hash")
    )
    key.append(
        scores["teacher"][0].as_py(), queries, passages, scores["logit"].to_numpy(), run=scores["run"][0].as_py()
    )
