"""Reading the answer key by ids."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from menura.answer_key.store import AnswerKey
from menura.answer_key.wanted import Pair, WantedPairs
from menura.collections import Passage
from menura.errors import MenuraError

__all__ = ["are_scored", "other_logits", "read_logits"]


def read_logits(
    key: AnswerKey, teacher: str, pairs: Sequence[Pair], queries: Mapping[str, str], corpus: Mapping[str, Passage]
) -> dict[Pair, float]:
    """The raw logits of (query id, passage id) `pairs` by the teacher of digest `teacher`.

    Raises:
        MenuraError: an id is unknown, or a pair was never scored.
    """
    wanted = WantedPairs.of(pairs, queries, corpus)
    logits = key.logits(teacher, wanted.pairs)[wanted.positions]
    unscored = np.flatnonzero(np.isnan(logits))
    if unscored.size:
        raise MenuraError(
            f"[answer_key] {unscored.size} of {len(pairs)} pairs have no score by the teacher {teacher}; the first is "
            f"{pairs[unscored[0]]}. Run `menura annotate` with the same recipe."
        )
    return dict(zip(pairs, logits.tolist(), strict=True))


def are_scored(
    key: AnswerKey, teacher: str, pairs: Sequence[Pair], queries: Mapping[str, str], corpus: Mapping[str, Passage]
) -> bool:
    """Whether the teacher of digest `teacher` has scored all of the (query id, passage id) `pairs`."""
    return not np.isnan(key.logits(teacher, WantedPairs.of(pairs, queries, corpus).pairs)).any()


def other_logits(
    key: AnswerKey,
    teachers: Collection[str],
    pairs: Sequence[Pair],
    queries: Mapping[str, str],
    corpus: Mapping[str, Passage],
) -> dict[str, dict[Pair, float]]:
    """What teachers other than those of the digests `teachers` have said of `pairs`, as far as they were asked.

    They are known by their models' names and their digests; those that have said nothing of the pairs are left out.

    Raises:
        MenuraError: an id is unknown.
    """
    wanted = WantedPairs.of(pairs, queries, corpus)
    others: dict[str, dict[Pair, float]] = {}
    for digest, details in key.teachers().items():
        if digest not in teachers:
            logits = key.logits(digest, wanted.pairs)[wanted.positions].tolist()
            known = {pair: logit for pair, logit in zip(pairs, logits, strict=True) if not math.isnan(logit)}
            if known:
                others[f"{details.get('model', 'unnamed')} ({digest})"] = known
    return others
