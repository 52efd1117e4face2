"""The answer key: every teacher score there is, by the content of what was scored.

A Delta Lake table (`scores`) with one row per (teacher, query, passage); beside it one that says who the teachers are
(`teachers`) and one that says when and with what they were asked (`runs`). Rows are only ever added, each batch whole
or not at all, so a crash loses nothing that was written.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake.exceptions import CommitFailedError
from numpy.typing import NDArray

from menura.answer_key.hashing import Hashes, hash_column
from menura.answer_key.lookup import find_logits
from menura.answer_key.pairs import Pairs
from menura.answer_key.tables import RUNS, SCORES, TEACHERS, append, is_table, open_table, readable, writable
from menura.errors import MenuraError

__all__ = ["AnswerKey"]

# So many small files are left by appends before they are merged.
COMPACT_FROM = 32


class AnswerKey:
    """The scores stored under `location`: a folder, made if it is not there, or the URI of an object store.

    Credentials of object stores come from the environment (``AWS_ACCESS_KEY_ID``, ``AZURE_...``, ``GOOGLE_...``).

    Args:
        create: make what is not there. False: refuse.

    Raises:
        MenuraError: the location cannot be read or written, or holds something else.
    """

    def __init__(self, location: str | Path, *, create: bool = True) -> None:
        # Absolute: workers elsewhere have another working directory.
        self.location = str(location).rstrip("/") if "://" in str(location) else os.path.abspath(location)  # noqa: PTH100
        if not create and not is_table(f"{self.location}/scores"):
            raise MenuraError(f"[answer_key] there is no answer key at {self.location}.")
        self.scores = open_table(f"{self.location}/scores", SCORES, partition_by=["teacher"])
        self._teachers = open_table(f"{self.location}/teachers", TEACHERS)
        self._runs = open_table(f"{self.location}/runs", RUNS)

    def register(self, teacher: str, details: Mapping[str, str]) -> None:
        """Note once what the teacher `teacher` (a fingerprint's digest) is made of."""
        if teacher not in self.teachers():
            rows = {"teacher": [teacher], "details": [json.dumps(details, sort_keys=True)]}
            append(self._teachers, pa.table(rows, schema=TEACHERS))

    def teachers(self) -> dict[str, dict[str, str]]:
        """Digest -> details of every teacher that has been asked."""
        with readable(self._teachers):
            self._teachers.update_incremental()
            rows = self._teachers.to_pyarrow_table().to_pylist()
        return {row["teacher"]: json.loads(row["details"]) for row in rows}

    def begin_run(self, teacher: str, details: Mapping[str, str]) -> str:
        """Note that `teacher` is about to be asked, with what; returns the name that its scores carry."""
        run = uuid.uuid4().hex[:16]
        rows = {
            "run": [run],
            "teacher": [teacher],
            "started": [datetime.now(timezone.utc)],
            "details": [json.dumps(details, sort_keys=True)],
        }
        append(self._runs, pa.table(rows, schema=RUNS))
        return run

    def runs(self) -> pa.Table:
        """When and with what teachers were asked: the columns run, teacher, started, details (JSON)."""
        with readable(self._runs):
            self._runs.update_incremental()
            return self._runs.to_pyarrow_table().sort_by("started")

    def logits(self, teacher: str, pairs: Pairs) -> NDArray[np.float32]:
        """The raw logits `[len(pairs)]` by the teacher of digest `teacher`; NaN where there is none.

        Had two writers scored the same pair, the first written counts. Memory grows with the pairs and the texts asked
        for, not with what is stored.

        Raises:
            MenuraError: the table cannot be read.
        """
        with readable(self.scores):
            self.scores.update_incremental()
            return find_logits(self.scores, teacher, pairs)

    def append(self, teacher: str, queries: Hashes, passages: Hashes, logits: NDArray[np.float32], *, run: str) -> None:
        """Add the scores `[N]` of pairs of texts, given by their hashes `[N,16]` each, all or none.

        Raises:
            MenuraError: the table cannot be written, or a logit is not finite.
        """
        logits = np.asarray(logits, np.float32)
        if not np.isfinite(logits).all():
            raise MenuraError("[answer_key] refusing to store a score that is not finite.")
        count = len(logits)
        rows = {
            "teacher": pa.repeat(teacher, count),
            "query_hash": hash_column(queries),
            "passage_hash": hash_column(passages),
            "logit": logits,
            "created": pa.repeat(pa.scalar(datetime.now(timezone.utc), SCORES.field("created").type), count),
            "run": pa.repeat(run, count),
        }
        append(self.scores, pa.table(rows, schema=SCORES))

    def compact(self) -> None:
        """Merge the small files that many appends leave behind, unless another process is at it.

        Two merges of the same files would both succeed, and leave every row twice. On a disk a lock keeps them apart;
        in an object store see to it that there is one at a time.

        Raises:
            MenuraError: the table cannot be written.
        """
        with writable(self.scores), self._alone() as alone:
            self.scores.update_incremental()
            if alone and len(self.scores.file_uris()) > COMPACT_FROM:
                self.scores.optimize.compact()

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no other process holds the lock."""
        if "://" in self.location:
            yield True
            return
        with (Path(self.location) / "compacting.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def forget(self, teacher: str) -> int:
        """Delete the scores of the teacher of digest `teacher`; returns how many. Its runs stay on record.

        Raises:
            MenuraError: no such teacher, or the table cannot be written.
        """
        with writable(self.scores):
            self.scores.update_incremental()
            files = self.scores.file_uris(file_pruning_predicate=[("teacher", "=", teacher)])
            if not files and teacher not in self.teachers():
                raise MenuraError(
                    f"[answer_key] there is no teacher {teacher!r} in {self.location}; "
                    f"it has: {', '.join(self.teachers()) or 'none'}."
                )
            deleted = self.scores.delete(f"teacher = '{teacher}'")
            with suppress(CommitFailedError):
                self._teachers.delete(f"teacher = '{teacher}'")
        return int(deleted["num_deleted_rows"] or 0)

    def vacuum(self, *, older_than: timedelta = timedelta(days=7), dry_run: bool = False) -> list[str]:
        """Remove the files that do not belong to the tables and are `older_than` that; returns their names.

        They were merged, forgotten, or left by a writer that was killed. A reader or writer that has been at work for
        longer may still need them.

        Raises:
            MenuraError: a table cannot be written.
        """
        options: dict[str, Any] = {
            "retention_hours": math.ceil(older_than / timedelta(hours=1)),
            "enforce_retention_duration": False,
            "full": True,
        }
        removed: list[str] = []
        for name, table in (("scores", self.scores), ("teachers", self._teachers), ("runs", self._runs)):
            with writable(table):
                table.update_incremental()
                removed += self._present(name, table.vacuum(dry_run=True, **options))
                if not dry_run:
                    table.vacuum(dry_run=False, **options)
        return removed

    def _present(self, table: str, files: list[str]) -> list[str]:
        """Those that are still there: a log remembers for days what has been removed."""
        if "://" in self.location:
            return files
        return [file for file in files if (Path(self.location) / table / file).exists()]
