"""A teacher as judge of what was mined, by what it has answered already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from menura.answer_key import AnswerKey, WantedPairs
from menura.collections import Passage, Run

__all__ = ["TeacherJudge"]


class TeacherJudge:
    """The raw logits in `key` of the teacher of digest `teacher`. It is asked nothing new.

    Args:
        corpus: passage id -> text, or text and image, whatever the teacher sees.
    """

    def __init__(self, key: AnswerKey, teacher: str, corpus: Mapping[str, Passage]) -> None:
        self._key = key
        self._teacher = teacher
        self._corpus = corpus

    def score(self, queries: Mapping[str, str], passages: Mapping[str, Sequence[str]]) -> Run:
        """The logits of given `passages` (ids by query id), without those that were never asked for."""
        pairs = [(query_id, passage_id) for query_id in queries for passage_id in passages.get(query_id, ())]
        wanted = WantedPairs.of(pairs, queries, self._corpus)
        logits = self._key.logits(self._teacher, wanted.pairs)[wanted.positions]
        run: Run = {query_id: {} for query_id in queries}
        for known in np.flatnonzero(~np.isnan(logits)).tolist():
            query_id, passage_id = pairs[known]
            run[query_id][passage_id] = float(logits[known])
        return run
