"""What the scores follow besides relevance: length, shared words, where the shared words stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bm25s
import numpy as np
import Stemmer
from numpy.typing import NDArray
from scipy.stats import rankdata

from menura.evaluation.report_card import estimates
from menura.evaluation.report_card.estimates import Estimate
from menura.evaluation.report_card.judged import JudgedPairs
from menura.evaluation.report_card.quality import pair_accuracy

__all__ = ["FEATURES", "Bias", "BiasBin", "biases", "features"]

FEATURES = {
    "length": "Passage length in words",
    "overlap": "Share of the query's terms in the passage",
    "position": "First query term: 0 at the start, 1 at the end",
}
BINS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BiasBin:
    """Pairs of like feature: its mean, and the mean `score` above that of the query's candidates, with its error."""

    feature: float
    score: float
    standard_error: float | None
    pairs: int


@dataclass(frozen=True)
class Bias:
    """How far the teacher's score goes with one feature of the passage, beyond the labels.

    Attributes:
        feature: one of `FEATURES`.
        pairs: those that have it; a passage without any query term has no position.
        within: the rank correlation of feature and score among candidates of one query with one label, pooled; so
            are `within_relevant` and `within_others` among those that are relevant, and those that are not or not
            judged.
        baseline: the same as `within`, of the baseline.
        labels: do people favour the feature as well? The chance that a relevant passage has more of it than another
            of its query, less the chance of the contrary.
        bins_relevant, bins_others: mean scores by quantiles of the feature.
    """

    feature: str
    pairs: int
    within: Estimate | None
    within_relevant: Estimate | None
    within_others: Estimate | None
    baseline: Estimate | None
    labels: Estimate | None
    bins_relevant: list[BiasBin]
    bins_others: list[BiasBin]


def biases(
    pairs: JudgedPairs, teacher: str, baseline: str, queries: Mapping[str, str], corpus: Mapping[str, str]
) -> list[Bias]:
    """One `Bias` for each of `FEATURES`; `queries` and `corpus` are texts by id."""
    return [_bias(pairs, teacher, baseline, name, column) for name, column in features(pairs, queries, corpus).items()]


def features(pairs: JudgedPairs, queries: Mapping[str, str], corpus: Mapping[str, str]) -> dict[str, Floats]:
    """Every one of `FEATURES` of all pairs, `[P]`; NaN where a pair has none.

    Terms are BM25's: words without stop words, stemmed.
    """
    passage_ids = sorted(set(pairs.passage_ids))
    passages = dict(zip(passage_ids, _terms([corpus[passage_id] for passage_id in passage_ids]), strict=True))
    asked = _terms([queries[query_id] for query_id in pairs.query_ids])
    overlap, position = np.full(len(pairs), np.nan), np.full(len(pairs), np.nan)
    for terms, rows in zip(map(set, asked), pairs.slices, strict=True):
        for i in range(rows.start, rows.stop):
            found = passages[pairs.passage_ids[i]]
            if terms:
                overlap[i] = len(terms.intersection(found)) / len(terms)
            first = next((place for place, term in enumerate(found) if term in terms), None)
            if first is not None:
                position[i] = first / max(1, len(found) - 1)
    length = np.array([len(corpus[passage_id].split()) for passage_id in pairs.passage_ids], np.float64)
    return {"length": length, "overlap": overlap, "position": position}


def _terms(texts: list[str]) -> list[list[str]]:
    terms: list[list[str]] = bm25s.tokenize(
        texts, stopwords="en", stemmer=Stemmer.Stemmer("english"), return_ids=False, show_progress=False
    )
    return terms


def _bias(pairs: JudgedPairs, teacher: str, baseline: str, name: str, column: Floats) -> Bias:
    known = ~np.isnan(column)
    relevant, others = known & pairs.relevant, known & ~pairs.relevant
    scores = pairs.scores[teacher]
    above = np.concatenate([scores[rows] - scores[rows].mean() for rows in pairs.slices])
    edges = np.unique(np.quantile(column[known], np.linspace(0, 1, BINS + 1)[1:-1])) if known.any() else np.empty(0)
    tilts = [
        2 * pair_accuracy(column[rows][known[rows]], pairs.relevant[rows][known[rows]]) - 1 for rows in pairs.slices
    ]
    return Bias(
        name,
        int(known.sum()),
        _within(pairs, column, scores, known),
        _within(pairs, column, scores, relevant),
        _within(pairs, column, scores, others),
        _within(pairs, column, pairs.scores[baseline], known),
        estimates.mean_of_known(np.array(tilts)),
        _bins(column[relevant], above[relevant], edges),
        _bins(column[others], above[others], edges),
    )


def _within(pairs: JudgedPairs, column: Floats, scores: Floats, chosen: NDArray[np.bool_]) -> Estimate | None:
    """The rank correlation of `column` and `scores` among `chosen` pairs of one query and label, pooled over all."""
    queries = pairs.query_rows[chosen]
    strata = 2 * queries + pairs.relevant[chosen]
    x, y = _centred_ranks(column[chosen], strata), _centred_ranks(scores[chosen], strata)
    sums = np.zeros((len(pairs.slices), 3))
    np.add.at(sums, queries, np.stack([x * y, x * x, y * y], axis=1))
    return estimates.correlation(*sums.T)


def _centred_ranks(values: Floats, strata: NDArray[np.int64]) -> Floats:
    """Ranks within strata, `[N]`, between -1/2 and 1/2, so that long lists and short ones weigh by their passages."""
    codes = np.unique(values, return_inverse=True)[1]
    sizes = np.bincount(strata)
    # Ranks in one list, stratum by stratum, less those of the strata before.
    ranks = rankdata(strata * (len(values) + 1) + codes) - (sizes.cumsum() - sizes)[strata]
    centred: Floats = (ranks - (sizes[strata] + 1) / 2) / sizes[strata]
    return centred


def _bins(column: Floats, above: Floats, edges: Floats) -> list[BiasBin]:
    found = np.digitize(column, edges)
    return [_bin(column[found == i], above[found == i]) for i in np.unique(found)]


def _bin(column: Floats, above: Floats) -> BiasBin:
    count = len(above)
    error = float(above.std(ddof=1) / np.sqrt(count)) if count > 1 else None
    return BiasBin(float(column.mean()), float(above.mean()), error, count)
