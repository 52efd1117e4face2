"""Asking a teacher, once, for what the answer key does not know yet."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import pyarrow as pa

from menura.answer_key.engines import Engine, LocalEngine, Questions
from menura.answer_key.share import Share
from menura.answer_key.store import AnswerKey
from menura.answer_key.teacher import Teacher
from menura.answer_key.wanted import Pair, WantedPairs
from menura.collections import Passage

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
    corpus: Mapping[str, Passage],
    *,
    share: Share | None = None,
    limit: int | None = None,
    engine: Engine | None = None,
) -> AnnotationSummary:
    """Have `teacher` score what `key` lacks of the (query id, passage id) `pairs`.

    Scores are stored chunk by chunk, so that a run cut short costs at most one chunk.

    Args:
        pairs: ids, or a table with the columns `query_id` and `passage_id`.
        queries: query id -> text.
        corpus: passage id -> text; or text and image, for a teacher that sees images.
        share: score this part of the pairs only.
        limit: score at most so many.
        engine: who does the work. None: `teacher` itself, here.

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
        engine = engine or LocalEngine(teacher)
        run = key.begin_run(identity.digest, _circumstances(engine, share))
        engine.answer(Questions(identity.digest, run, wanted, missing), key)
        if "://" not in key.location:  # there `menura key gc` does it, once
            key.compact()
    return AnnotationSummary(len(wanted.pairs), known, len(missing), time.perf_counter() - started)


def _circumstances(engine: Engine, share: Share | None) -> dict[str, str]:
    details = {
        "engine": engine.name,
        "menura": version("menura"),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    return details if share is None else {**details, "share": str(share)}
