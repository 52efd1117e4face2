"""Asking a teacher, once, for what the answer key does not know yet."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from menura.answer_key.chunks import chunks
from menura.answer_key.share import Share
from menura.answer_key.store import AnswerKey
from menura.answer_key.teacher import Teacher
from menura.answer_key.wanted import Pair, WantedPairs
from menura.errors import MenuraError
from menura.progress import progress_bar

__all__ = ["AnnotationSummary", "annotate"]


@dataclass(frozen=True)
class AnnotationSummary:
    """What an annotation did: distinct pairs `asked` for, of them already `known`, newly `scored`; in `seconds`."""

    asked: int
    known: int
    scored: int
    seconds: float

    @property
    def left(self) -> int:
        """How many are still without a score: those of other shares, and beyond the limit."""
        return self.asked - self.known - self.scored


def annotate(
    key: AnswerKey,
    teacher: Teacher,
    pairs: Sequence[Pair] | pa.Table,
    queries: Mapping[str, str],
    corpus: Mapping[str, str],
    *,
    share: Share | None = None,
    limit: int | None = None,
    chunk_size: int | None = None,
) -> AnnotationSummary:
    """Have `teacher` score what `key` lacks of the (query id, passage id) `pairs`.

    Scores are stored chunk by chunk, so that a run cut short costs at most one chunk.

    Args:
        pairs: ids, or a table with the columns `query_id` and `passage_id`.
        queries: query id -> text.
        corpus: passage id -> text.
        share: score this part of the pairs only.
        limit: score at most so many.
        chunk_size: pairs scored between two writes. None: as many as the teacher scores in some seconds.

    Raises:
        MenuraError: an id is unknown (before the teacher is asked anything); a score is not finite or missing
            (nothing of that chunk is stored, all chunks before it are); or the key cannot be written.
    """
    started = time.perf_counter()
    identity = teacher.fingerprint
    key.register(identity.digest, identity.details)
    wanted = WantedPairs.of(pairs, queries, corpus)
    unknown = np.isnan(key.logits(identity.digest, wanted.pairs))
    known = len(unknown) - int(unknown.sum())
    if share is not None:
        unknown &= share.holds(wanted.pairs)
    missing = np.flatnonzero(unknown)[:limit]
    if missing.size:
        run = key.begin_run(identity.digest, _circumstances(share))
        _ask(key, teacher, run, wanted, missing, chunk_size)
        key.compact()
    return AnnotationSummary(len(wanted.pairs), known, len(missing), time.perf_counter() - started)


def _circumstances(share: Share | None) -> dict[str, str]:
    details = {"menura": version("menura"), "python": platform.python_version(), "machine": platform.machine()}
    return details if share is None else {**details, "share": str(share)}


def _ask(
    key: AnswerKey,
    teacher: Teacher,
    run: str,
    wanted: WantedPairs,
    missing: NDArray[np.intp],
    chunk_size: int | None,
) -> None:
    """Score the pairs at `missing` and store them, chunk by chunk."""
    with progress_bar() as progress:
        task = progress.add_task("Asking the teacher", total=len(missing), unit="pairs")
        for chunk in chunks(wanted, missing, size=chunk_size):
            logits = teacher.score(wanted.texts(chunk))
            _check_answers(wanted, chunk, logits)
            key.append(teacher.fingerprint.digest, *wanted.pairs.hashes(chunk), logits, run=run)
            progress.advance(task, len(chunk))


def _check_answers(wanted: WantedPairs, chunk: NDArray[np.intp], logits: NDArray[np.float32]) -> None:
    kept = "Nothing of this chunk is stored; all scores before it are."
    if logits.shape != (len(chunk),):
        raise MenuraError(f"[answer_key] the teacher answered {logits.shape} scores to {len(chunk)} pairs. {kept}")
    bad = np.flatnonzero(~np.isfinite(logits))
    if bad.size:
        query_id, passage_id = wanted.ids(int(chunk[bad[0]]))
        raise MenuraError(
            f"[answer_key] the teacher answered {logits[bad[0]]} to the query {query_id!r} and the passage "
            f"{passage_id!r}. {kept}"
        )
