"""A file of somebody's scores becomes one more teacher of the answer key."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from menura.answer_key.formats import ScoreScale, Texts, format_named
from menura.answer_key.scored import ScoredPairs, scored_pairs
from menura.answer_key.store import AnswerKey
from menura.errors import MenuraError
from menura.files import content_digest, data_files, locate
from menura.progress import progress_bar

__all__ = ["ImportSummary", "import_scores"]

# Pairs that are looked up and stored together: some hundred megabytes, whatever the size of the file.
CHUNK_SIZE = 1 << 20
# Which details make two imports the same teacher: the scores, not what they are called.
ESSENTIAL = ("kind", "sha256", "format", "activation")


@dataclass(frozen=True)
class ImportSummary:
    """What an import did: the `teacher`'s digest, pairs it `read`, of them `known` before and newly `added`.

    `constant` counts records whose passages all have one score; `squashed` is whether all scores lie in [0, 1].
    """

    teacher: str
    read: int
    known: int
    added: int
    constant: int
    squashed: bool
    seconds: float


def import_scores(
    key: AnswerKey,
    format_name: str,
    source: str | Path,
    texts: Texts | None,
    *,
    teacher_name: str,
    chunk_size: int = CHUNK_SIZE,
) -> ImportSummary:
    """Store the scores of a file under a teacher of their own, known by the file's content.

    The file is streamed. A pair that is known already, from an earlier import of the same file or from an earlier
    record of it, must have the same score, give or take a hundredth, and is not stored again. An import that was
    killed goes on where it was; of a file that is refused at its first import nothing is kept.

    Args:
        source: a file, a folder, or a data set of the hub.
        texts: those of the collection whose ids the file names. None where the file holds the texts themselves.
        teacher_name: what to call the teacher.

    Raises:
        MenuraError: the file cannot be read or breaks a contract of its format; it holds no scores, or margins only;
            an id is unknown; a pair has two scores; or the file was imported under another name.
    """
    started = time.perf_counter()
    form = format_named(format_name)
    if form.identifies == "ids" and texts is None:
        raise MenuraError(f"[answer_key] the format {form.name} names texts by ids; say of which collection.")
    path = locate(source)
    details = {
        "kind": "imported",
        "model": teacher_name,
        "source": str(source),
        "sha256": content_digest(data_files(path)),
        "format": form.name,
        "activation": "unknown",
    }
    digest = _digest(details)
    begun_before = _begun_as(key, digest, teacher_name)
    key.register(digest, details)
    scale = ScoreScale()
    chunks = scored_pairs(scale.watched(form.read(path)), texts if form.identifies == "ids" else None, chunk_size)
    try:
        read, added = _store(key, digest, chunks)
        if not read:
            raise MenuraError(f"[answer_key] {path} holds no scores.")
    except MenuraError:
        if not begun_before:
            key.forget(digest)
        raise
    scale.warn(str(source))
    seconds = time.perf_counter() - started
    return ImportSummary(digest, read, read - added, added, scale.constant, scale.squashed, seconds)


def _store(key: AnswerKey, digest: str, chunks: Iterator[ScoredPairs]) -> tuple[int, int]:
    """Store what is not known yet; how many pairs were read, and how many stored."""
    read = added = 0
    run = None
    with progress_bar() as progress:
        task = progress.add_task("Importing scores", total=None, unit="pairs")
        for chunk in chunks:
            scores = chunk.distinct_scores()
            known = key.logits(digest, chunk.pairs)
            chunk.check(known)
            new = np.flatnonzero(np.isnan(known))
            if new.size:
                run = run or key.begin_run(digest, {"menura": version("menura")})
                key.append(digest, *chunk.pairs.hashes(new), scores[new], run=run)
            read += len(scores)
            added += len(new)
            progress.advance(task, len(chunk))
    if added:
        key.compact()
    return read, added


def _digest(details: dict[str, str]) -> str:
    essential = {name: details[name] for name in ESSENTIAL}
    return hashlib.blake2b(json.dumps(essential, sort_keys=True).encode(), digest_size=8).hexdigest()


def _begun_as(key: AnswerKey, digest: str, name: str) -> bool:
    """Whether an import of these scores was begun before; if so, it must have been under this name."""
    earlier = key.teachers().get(digest)
    if earlier is not None and earlier["model"] != name:
        raise MenuraError(
            f"[answer_key] these very scores are in the key as {earlier['model']!r}; use that name, not {name!r}."
        )
    return earlier is not None
