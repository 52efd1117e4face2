"""A teacher's report card: all its figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from menura.evaluation.report_card import findings
from menura.evaluation.report_card.agreement import Agreement, agreement, agreement_matrix
from menura.evaluation.report_card.biases import Bias, biases
from menura.evaluation.report_card.calibration import Calibration, calibrate
from menura.evaluation.report_card.contradictions import Contradictions, contradictions
from menura.evaluation.report_card.distribution import Distribution, distribution
from menura.evaluation.report_card.judged import NOT_JUDGED, NOT_RELEVANT, Judged
from menura.evaluation.report_card.quality import Quality, qualities
from menura.evaluation.report_card.verdict import Verdict, judge

__all__ = ["Sample", "TeacherCard", "grade_teacher"]


@dataclass(frozen=True)
class Sample:
    """What the figures rest on.

    `queries` have a relevant passage among their candidates, `left_out` others of the split have none. `pairs` are
    their candidates, chosen as `candidates` says: `relevant`, `not_relevant` by judgement, `not_judged`.
    """

    collection: str
    split: str
    candidates: str
    queries: int
    left_out: int
    pairs: int
    relevant: int
    not_relevant: int
    not_judged: int


@dataclass(frozen=True)
class TeacherCard:
    """How far a teacher can be trusted.

    `quality` begins with the teacher and the baseline. `agreement` has every other system that shares enough
    candidates with the teacher; `calibration` is None where the scores never vary or all candidates are relevant.
    """

    teacher: str
    baseline: str
    fingerprint: str
    sample: Sample
    verdict: Verdict
    quality: list[Quality]
    distribution: Distribution
    calibration: Calibration | None
    agreement: list[Agreement]
    agreement_matrix: dict[str, dict[str, float | None]]
    biases: list[Bias]
    contradictions: Contradictions


def grade_teacher(judged: Judged) -> TeacherCard:
    """Hold the teacher of `judged` against its labels, its baseline and all other systems."""
    pairs, teacher, baseline = judged.pairs, judged.teacher, judged.baseline
    quality = qualities(pairs, judged.qrels, baseline)
    quality.sort(key=lambda row: (row.system != teacher, row.system != baseline))
    scores, calibration = distribution(pairs, teacher), calibrate(pairs, teacher)
    favoured = biases(pairs, teacher, baseline, judged.queries, judged.corpus)
    contradicted = contradictions(judged)
    others = (agreement(pairs, teacher, system) for system in pairs.scores if system != teacher)
    return TeacherCard(
        teacher,
        baseline,
        judged.fingerprint,
        Sample(
            judged.collection,
            judged.split,
            judged.candidates,
            len(pairs.query_ids),
            len(judged.qrels.keys() - set(pairs.query_ids)),
            len(pairs),
            int(pairs.relevant.sum()),
            int(np.count_nonzero(pairs.labels == NOT_RELEVANT)),
            int(np.count_nonzero(pairs.labels == NOT_JUDGED)),
        ),
        judge(
            quality[0],
            quality[1],
            [
                *findings.in_ranking(quality[0], quality[1]),
                *findings.in_scores(scores, len(pairs.query_ids)),
                *findings.in_calibration(quality[0], calibration),
                *findings.in_biases(favoured),
                *findings.in_labels(contradicted),
                *findings.in_sample(quality[0]),
            ],
        ),
        quality,
        scores,
        calibration,
        [found for found in others if found is not None],
        agreement_matrix(pairs),
        favoured,
        contradicted,
    )
