"""Do the scores rank as people would?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from menura.collections import Qrels
from menura.evaluation.metrics import measure
from menura.evaluation.report_card import estimates
from menura.evaluation.report_card.estimates import Estimate
from menura.evaluation.report_card.judged import JudgedPairs
from menura.evaluation.significance import compare

__all__ = ["PAIR_ACCURACY", "Quality", "gains", "pair_accuracy", "qualities"]

PAIR_ACCURACY = "Pair accuracy"
# Of what `menura.evaluation.METRICS` has; the candidates are too few for its recall.
RANKING = ("nDCG@10", "MRR@10")
COMPARED = RANKING[0]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Quality:
    """One system on the candidates.

    `figures` has nDCG@10, MRR@10 and pair accuracy: the share of couples, a relevant passage and another of the same
    query, in which the relevant one is scored higher; equal scores count half. None: no query has both. `ahead` is the
    difference to the baseline, query by query; `p` that of nDCG@10. `per_query` keeps what they are means of; a query
    without a couple has no pair accuracy there.
    """

    system: str
    figures: dict[str, Estimate | None]
    ahead: dict[str, Estimate | None]
    p: float | None
    per_query: dict[str, dict[str, float]]


def qualities(pairs: JudgedPairs, qrels: Qrels, baseline: str) -> list[Quality]:
    """Every system that has scored all of `pairs`."""
    measured = {system: _per_query(pairs, qrels, pairs.scores[system]) for system in pairs.complete}
    return [_quality(system, values, measured[baseline], pairs.query_ids) for system, values in measured.items()]


def pair_accuracy(scores: Floats, relevant: NDArray[np.bool_]) -> float:
    """Of couples of a relevant and another passage, the share in which `scores [P]` are higher for the former.

    Equal scores count half; NaN where there is no couple.
    """
    positives = int(relevant.sum())
    couples = positives * (len(scores) - positives)
    if not couples:
        return np.nan
    # The relevant passages' ranks count what lies below them (Mann and Whitney); no couple needs to be looked at.
    return float((rankdata(scores)[relevant].sum() - positives * (positives + 1) / 2) / couples)


def gains(system: Quality, baseline: Quality) -> dict[str, float]:
    """Query id -> nDCG@10 of `system` less that of `baseline`."""
    others = baseline.per_query
    return {query_id: own[COMPARED] - others[query_id][COMPARED] for query_id, own in system.per_query.items()}


def _per_query(pairs: JudgedPairs, qrels: Qrels, scores: Floats) -> dict[str, Floats]:
    run = {
        query_id: dict(zip(pairs.passage_ids[rows], scores[rows].tolist(), strict=True))
        for query_id, rows in zip(pairs.query_ids, pairs.slices, strict=True)
    }
    ranking = measure(run, {query_id: qrels[query_id] for query_id in pairs.query_ids})
    values = {metric: np.array([ranking[metric][query_id] for query_id in pairs.query_ids]) for metric in RANKING}
    values[PAIR_ACCURACY] = np.array([pair_accuracy(scores[rows], pairs.relevant[rows]) for rows in pairs.slices])
    return values


def _quality(system: str, values: dict[str, Floats], baseline: dict[str, Floats], query_ids: list[str]) -> Quality:
    same, sides = values is baseline, (values, baseline)
    return Quality(
        system,
        {metric: estimates.mean_of_known(column) for metric, column in values.items()},
        {}
        if same
        else {metric: estimates.mean_of_known(column - baseline[metric]) for metric, column in values.items()},
        None if same else compare(*(dict(zip(query_ids, side[COMPARED].tolist(), strict=True)) for side in sides)).p,
        {
            query_id: {metric: float(column[i]) for metric, column in values.items() if not np.isnan(column[i])}
            for i, query_id in enumerate(query_ids)
        },
    )
