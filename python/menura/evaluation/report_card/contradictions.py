"""Where the teacher and the labels contradict each other; one of them is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from menura.collections import Qrels
from menura.evaluation.report_card.judged import Judged, JudgedPairs
from menura.evaluation.report_card.quality import pair_accuracy

__all__ = ["Contradictions", "Dispute", "Witness", "contradictions"]

WORST = 10


@dataclass(frozen=True)
class Witness:
    """A passage in a dispute: its text, the teacher's score and the rank that follows from it, and its label."""

    passage_id: str
    text: str
    score: float
    rank: int
    label: str


@dataclass(frozen=True)
class Dispute:
    """A query whose `labelled` passage the teacher puts below its `favourite`, which nobody calls relevant.

    Of several labelled passages it is the one that the teacher likes best. `gap` is between the two scores, in
    standard deviations of the teacher's scores.
    """

    query_id: str
    query: str
    pair_accuracy: float
    gap: float
    favourite: Witness
    labelled: Witness


@dataclass(frozen=True)
class Contradictions:
    """How often the teacher turns the labels round.

    Attributes:
        queries: those with a relevant and another candidate.
        favourites: in so many a passage that nobody calls relevant is the teacher's favourite.
        reversed: in so many its pair accuracy is below one half: labels drawn at random would do that in every second.
        median_pair_accuracy: over the queries.
        seconded: system -> the share of the reversed queries in which that system is below one half as well.
        worst: the disputes with the widest gap.
    """

    queries: int
    favourites: int
    reversed: int
    median_pair_accuracy: float | None
    seconded: dict[str, float]
    worst: list[Dispute]


def contradictions(judged: Judged) -> Contradictions:
    """The queries of `judged` in which the teacher contradicts people."""
    pairs = judged.pairs
    accuracies = {system: _accuracies(pairs, system) for system in pairs.complete}
    own = accuracies[judged.teacher]
    reversed_ = own < 0.5
    disputes = [
        dispute
        for i, accuracy in enumerate(own.tolist())
        if not np.isnan(accuracy) and (dispute := _dispute(judged, i, accuracy)) is not None
    ]
    disputes.sort(key=lambda dispute: (-dispute.gap, dispute.query_id))
    known = own[~np.isnan(own)]
    return Contradictions(
        len(known),
        len(disputes),
        int(reversed_.sum()),
        float(np.median(known)) if len(known) else None,
        {
            system: float((values[reversed_] < 0.5).mean())
            for system, values in accuracies.items()
            if system != judged.teacher and reversed_.any()
        },
        disputes[:WORST],
    )


def _accuracies(pairs: JudgedPairs, system: str) -> np.ndarray:
    return np.array([pair_accuracy(pairs.scores[system][rows], pairs.relevant[rows]) for rows in pairs.slices])


def _dispute(judged: Judged, number: int, accuracy: float) -> Dispute | None:
    pairs = judged.pairs
    query_id, rows = pairs.query_ids[number], pairs.slices[number]
    scores, relevant = pairs.scores[judged.teacher][rows], pairs.relevant[rows]
    favourite = int(np.where(relevant, -np.inf, scores).argmax())
    labelled = int(np.where(relevant, scores, -np.inf).argmax())
    gap = float(scores[favourite] - scores[labelled])
    if gap <= 0:
        return None
    spread = float(pairs.scores[judged.teacher].std())

    def witness(place: int) -> Witness:
        passage_id = pairs.passage_ids[rows.start + place]
        rank = 1 + int((scores > scores[place]).sum())
        label = _said(judged.qrels, query_id, passage_id)
        return Witness(passage_id, judged.corpus[passage_id], float(scores[place]), rank, label)

    return Dispute(query_id, judged.queries[query_id], accuracy, gap / spread, witness(favourite), witness(labelled))


def _said(qrels: Qrels, query_id: str, passage_id: str) -> str:
    grade = qrels[query_id].get(passage_id)
    if grade is None:
        return "not judged"
    return f"relevant, grade {grade}" if grade > 0 else f"judged not relevant, grade {grade}"
