"""Which mined passages are likely positives nobody marked: positive-aware mining (arXiv 2407.15831)."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from statistics import mean

from menura.collections import Run
from menura.errors import MenuraError
from menura.mining.candidates import POSITIVE, Candidates
from menura.mining.miner import Judge
from menura.recipe import FilterSettings

__all__ = ["drop_false_negatives", "false_negatives", "upper_limit"]

logger = logging.getLogger(__name__)

COUNTED: dict[str, Callable[[Sequence[float]], float]] = {"weakest": min, "mean": mean, "strongest": max}


def upper_limit(settings: FilterSettings, positives: Sequence[float]) -> float:
    """The score above which a passage is taken for a positive, given those of the query's `positives`.

    The lowest of `max_score`, `s - margin` and `s - relative_margin |s|`, where `s` is the score of the positive that
    counts. The absolute value keeps the limit below a positive of negative score, where the published
    `(1 - relative_margin) s` would rise above it. Without `positives` only `max_score` is left.
    """
    limits = [math.inf if settings.max_score is None else settings.max_score]
    if positives:
        score = COUNTED[settings.positive](positives)
        if settings.margin is not None:
            limits.append(score - settings.margin)
        if settings.relative_margin is not None:
            limits.append(score - settings.relative_margin * abs(score))
    return min(limits)


def false_negatives(
    judge: Judge,
    settings: FilterSettings,
    queries: Mapping[str, str],
    positives: Mapping[str, Sequence[str]],
    mined: Mapping[str, Sequence[str]],
) -> list[dict[str, object]]:
    """Rows of `Candidates.dropped`: the passages of `mined` above the query's limit, or below `min_score`.

    Args:
        queries: query id -> text.
        positives: query id -> passage ids.
        mined: query id -> passage ids. One that the judge does not know stays.

    Raises:
        MenuraError: the judge gives NaN.
    """
    known = judge.score(queries, positives)
    judged = judge.score(queries, mined)
    _check_no_nan(known)
    _check_no_nan(judged)
    relative = settings.margin is not None or settings.relative_margin is not None
    unanchored = sum(not known.get(query_id) and bool(judged.get(query_id)) for query_id in queries)
    if relative and unanchored:
        logger.warning("%d queries have no positive that the judge knows; no margin is kept there.", unanchored)
    lowest = -math.inf if settings.min_score is None else settings.min_score
    dropped: list[dict[str, object]] = []
    for query_id in queries:
        limit = upper_limit(settings, list(known.get(query_id, {}).values()))
        for passage_id, score in judged.get(query_id, {}).items():
            row: dict[str, object] = {"query_id": query_id, "passage_id": passage_id, "score": score}
            if score > limit:
                dropped.append({**row, "reason": "above limit", "limit": limit})
            elif score < lowest:
                dropped.append({**row, "reason": "below min_score", "limit": lowest})
    return dropped


def drop_false_negatives(
    candidates: Candidates, judge: Judge, settings: FilterSettings, queries: Mapping[str, str]
) -> Candidates:
    """`candidates` that were chosen already, less those that `judge` takes for positives; the rest keeps its order."""
    sides = candidates.by_query()
    asked = {query_id: queries[query_id] for query_id in sides}
    positives = {query_id: chosen for query_id, (chosen, _) in sides.items()}
    mined = {query_id: chosen for query_id, (_, chosen) in sides.items()}
    rows = false_negatives(judge, settings, asked, positives, mined)
    gone = {(row["query_id"], row["passage_id"]) for row in rows}
    stays = [
        origin == POSITIVE or pair not in gone
        for pair, origin in zip(candidates.pairs(), candidates.table["origin"].to_pylist(), strict=True)
    ]
    return Candidates(candidates.table.filter(stays), candidates.dropped).with_dropped(rows)


def _check_no_nan(run: Run) -> None:
    for query_id, scores in run.items():
        for passage_id, score in scores.items():
            if math.isnan(score):
                raise MenuraError(
                    f"[mining] the judge's score of the query {query_id!r} and the passage {passage_id!r} is NaN; "
                    "the model that gave it is broken, or gives no scores."
                )
