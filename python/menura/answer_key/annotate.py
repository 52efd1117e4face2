"""Asking a teacher, once, for what the answer key does not know yet."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.hashing import text_hash
from menura.answer_key.store import AnswerKey
from menura.answer_key.teacher import Teacher
from menura.errors import MenuraError
from menura.progress import progress_bar

__all__ = ["AnnotationSummary", "annotate", "read_logits"]

Pair = tuple[str, str]


@dataclass(frozen=True)
class AnnotationSummary:
    """What an annotation did: distinct pairs `asked` for, of them already `known`, newly `scored`; in `seconds`."""

    asked: int
    known: int
    scored: int
    seconds: float


def annotate(
    key: AnswerKey,
    teacher: Teacher,
    pairs: Sequence[Pair],
    queries: Mapping[str, str],
    corpus: Mapping[str, str],
    *,
    chunk_size: int = 512,
) -> AnnotationSummary:
    """Have `teacher` score what `key` lacks of the (query id, passage id) `pairs`.

    Scores are stored chunk by chunk, so that a run cut short costs at most one chunk.

    Args:
        queries: query id -> text.
        corpus: passage id -> text.
        chunk_size: pairs scored between two writes.

    Raises:
        MenuraError: an id is unknown (before the teacher is asked anything); a score is not finite or missing
            (nothing of that chunk is stored, all chunks before it are); or the key cannot be written.
    """
    started = time.perf_counter()
    identity = teacher.fingerprint
    key.register(identity.digest, identity.details)
    ids = dict(zip(_texts(pairs, queries, corpus), pairs, strict=True))
    texts = list(ids)
    known = ~np.isnan(key.logits(identity.digest, _hashes(texts)))
    # Longest first: batches hold texts of like length, and memory peaks at once or never.
    missing = sorted((pair for pair, have in zip(texts, known, strict=True) if not have), key=_length, reverse=True)
    if missing:
        _ask(key, teacher, identity.digest, missing, ids, chunk_size)
        key.compact()
    return AnnotationSummary(len(texts), len(texts) - len(missing), len(missing), time.perf_counter() - started)


def read_logits(
    key: AnswerKey, teacher: str, pairs: Sequence[Pair], queries: Mapping[str, str], corpus: Mapping[str, str]
) -> dict[Pair, float]:
    """The raw logits of (query id, passage id) `pairs` by the teacher of digest `teacher`.

    Raises:
        MenuraError: an id is unknown, or a pair was never scored.
    """
    logits = key.logits(teacher, _hashes(_texts(pairs, queries, corpus)))
    unscored = np.flatnonzero(np.isnan(logits))
    if unscored.size:
        raise MenuraError(
            f"[answer_key] {unscored.size} of {len(pairs)} pairs have no score by the teacher {teacher}; the first is "
            f"{pairs[unscored[0]]}. Run `menura annotate` with the same recipe."
        )
    return dict(zip(pairs, logits.tolist(), strict=True))


def _texts(pairs: Sequence[Pair], queries: Mapping[str, str], corpus: Mapping[str, str]) -> list[Pair]:
    for index, (kind, texts) in enumerate((("query", queries), ("passage", corpus))):
        unknown = next((pair[index] for pair in pairs if pair[index] not in texts), None)
        if unknown is not None:
            some = ", ".join(repr(identifier) for identifier in list(texts)[:3])
            raise MenuraError(
                f"[answer_key] no {kind} has the id {unknown!r} ({type(unknown).__name__}); "
                f"{kind} ids look like {some}."
            )
    return [(queries[query_id], corpus[passage_id]) for query_id, passage_id in pairs]


def _hashes(texts: Sequence[Pair]) -> list[tuple[bytes, bytes]]:
    return [(text_hash(query), text_hash(passage)) for query, passage in texts]


def _ask(
    key: AnswerKey, teacher: Teacher, digest: str, missing: Sequence[Pair], ids: Mapping[Pair, Pair], chunk_size: int
) -> None:
    """Score the texts `missing` and store them, chunk by chunk; `ids` say whose they are."""
    with progress_bar() as progress:
        task = progress.add_task("Asking the teacher", total=len(missing), unit="pairs")
        for start in range(0, len(missing), chunk_size):
            chunk = missing[start : start + chunk_size]
            logits = teacher.score(chunk)
            _check_answers([ids[pair] for pair in chunk], logits)
            key.append(digest, _hashes(chunk), logits)
            progress.advance(task, len(chunk))


def _length(pair: Pair) -> int:
    return len(pair[0]) + len(pair[1])


def _check_answers(pairs: Sequence[Pair], logits: NDArray[np.float32]) -> None:
    kept = "Nothing of this chunk is stored; all scores before it are."
    if logits.shape != (len(pairs),):
        raise MenuraError(f"[answer_key] the teacher answered {logits.shape} scores to {len(pairs)} pairs. {kept}")
    bad = np.flatnonzero(~np.isfinite(logits))
    if bad.size:
        query_id, passage_id = pairs[bad[0]]
        raise MenuraError(
            f"[answer_key] the teacher answered {logits[bad[0]]} to the query {query_id!r} and the passage "
            f"{passage_id!r}. {kept}"
        )
