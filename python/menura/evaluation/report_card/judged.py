"""What a report card is drawn from: candidates, what systems score them, and what people judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from menura.collections import Qrels, Run
from menura.errors import MenuraError

__all__ = ["NOT_JUDGED", "NOT_RELEVANT", "RELEVANT", "Judged", "JudgedPairs", "passages_to_judge"]

# What people say of a pair. Saying nothing is not saying no.
RELEVANT, NOT_RELEVANT, NOT_JUDGED = 1, 0, -1


@dataclass(frozen=True)
class JudgedPairs:
    """P pairs of Q queries, query by query.

    `query_ids [Q]`; query i has the pairs `slices[i]`. `passage_ids [P]`, `labels [P]` (int8: `RELEVANT`,
    `NOT_RELEVANT`, `NOT_JUDGED`), `scores` `[P]` for every system, NaN where it has none.
    """

    query_ids: list[str]
    slices: list[slice]
    passage_ids: list[str]
    labels: NDArray[np.int8]
    scores: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.passage_ids)

    @cached_property
    def query_rows(self) -> NDArray[np.int64]:
        """Of each pair, which query it belongs to, `[P]`."""
        return np.repeat(np.arange(len(self.slices)), [rows.stop - rows.start for rows in self.slices])

    @property
    def relevant(self) -> NDArray[np.bool_]:
        """Which pairs people call relevant, `[P]`."""
        relevant: NDArray[np.bool_] = self.labels == RELEVANT
        return relevant

    @property
    def complete(self) -> list[str]:
        """The systems that have scored every pair."""
        return [system for system, scores in self.scores.items() if not np.isnan(scores).any()]


@dataclass(frozen=True)
class Judged:
    """The candidates of a split's queries, scored by systems and judged by people.

    Attributes:
        queries: id -> text; of the split, or more.
        corpus: passage id -> text.
        qrels: of the split; relevant from grade 1 on, judged not relevant below, else not judged.
        scores: a run of every system: teachers, students, BM25.
        teacher: the system that the card is about. What it has scored are the candidates.
        baseline: the system that it must beat; it has scored the same.
        candidates: in words, how they were chosen.
        fingerprint: the teacher's digest, if it has one.

    Raises:
        MenuraError: a system is missing, an id is unknown, a score is no finite number, the baseline lacks one, or no
            query has a relevant passage among its candidates.
    """

    collection: str
    split: str
    queries: Mapping[str, str]
    corpus: Mapping[str, str]
    qrels: Qrels
    scores: Mapping[str, Run]
    teacher: str
    baseline: str
    candidates: str = "the passages that the teacher has scored"
    fingerprint: str = ""

    def __post_init__(self) -> None:
        for system in (self.teacher, self.baseline):
            if system not in self.scores:
                known = ", ".join(self.scores) or "none"
                raise MenuraError(f"[report_card] there are no scores of {system!r}; there are those of: {known}.")
        for system, run in self.scores.items():
            for query_id, found in run.items():
                self._check(system, query_id, found)
        if not self.pairs.query_ids:
            raise MenuraError(
                f"[report_card] none of the {len(self.qrels):,} queries in the split {self.split!r} of "
                f"{self.collection} has a relevant passage among its candidates; there is nothing to hold the teacher "
                "against. Choose another evaluation.split, or judge some queries."
            )
        lacking = int(np.isnan(self.pairs.scores[self.baseline]).sum())
        if lacking:
            raise MenuraError(
                f"[report_card] {self.baseline} has no score for {lacking:,} of the {len(self.pairs):,} pairs that "
                f"{self.teacher} has scored; the two can only be compared on the same candidates."
            )

    def _check(self, system: str, query_id: str, found: Mapping[str, float]) -> None:
        if query_id not in self.queries:
            raise MenuraError(f"[report_card] {system} answers the query {query_id!r}, which is not in the queries.")
        for passage_id, score in found.items():
            if passage_id not in self.corpus:
                raise MenuraError(
                    f"[report_card] {system} scores the passage {passage_id!r} for the query {query_id!r}; the corpus "
                    "has no such passage."
                )
            if not math.isfinite(score):
                raise MenuraError(
                    f"[report_card] the score of {system} for the query {query_id!r} and the passage {passage_id!r} "
                    f"is {score}; a score must be a finite number."
                )

    @cached_property
    def pairs(self) -> JudgedPairs:
        """The candidates of the queries that have a relevant one among them; queries and passages by id."""
        run = self.scores[self.teacher]
        query_ids = [query_id for query_id in sorted(run) if self._answered(query_id)]
        rows = [(query_id, passage_id) for query_id in query_ids for passage_id in sorted(run[query_id])]
        ends = np.cumsum([0, *(len(run[query_id]) for query_id in query_ids)]).tolist()
        return JudgedPairs(
            query_ids,
            [slice(start, end) for start, end in pairwise(ends)],
            [passage_id for _, passage_id in rows],
            np.array([self._label(*row) for row in rows], np.int8),
            {
                system: np.array([scores.get(query, {}).get(passage, math.nan) for query, passage in rows], np.float64)
                for system, scores in self.scores.items()
            },
        )

    def _answered(self, query_id: str) -> bool:
        return any(self._label(query_id, passage_id) == RELEVANT for passage_id in self.scores[self.teacher][query_id])

    def _label(self, query_id: str, passage_id: str) -> int:
        grade = self.qrels.get(query_id, {}).get(passage_id)
        if grade is None:
            return NOT_JUDGED
        return RELEVANT if grade > 0 else NOT_RELEVANT


def passages_to_judge(found: Run, qrels: Qrels, corpus: Mapping[str, str]) -> dict[str, list[str]]:
    """By query, the passages `found` by a search and the relevant ones that have a text."""
    passages = {query_id: list(scores) for query_id, scores in found.items()}
    for query_id, grades in qrels.items():
        relevant = [passage_id for passage_id, grade in grades.items() if grade > 0 and corpus[passage_id].strip()]
        passages[query_id] = list(dict.fromkeys([*passages.get(query_id, []), *relevant]))
    return passages
