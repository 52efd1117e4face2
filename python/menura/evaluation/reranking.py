"""Putting another judge's scores in the place of a run's."""

from __future__ import annotations

from collections.abc import Mapping

from menura.collections import Run

__all__ = ["rerank"]


def rerank(run: Run, logits: Mapping[tuple[str, str], float]) -> Run:
    """Order by `logits` (query id, passage id) what has one; the rest keeps its order below."""
    reranked: Run = {}
    for query_id, ranking in run.items():
        judged = [passage_id for passage_id in ranking if (query_id, passage_id) in logits]
        judged.sort(key=lambda passage_id: (-logits[query_id, passage_id], passage_id))
        rest = [passage_id for passage_id in ranking if (query_id, passage_id) not in logits]
        order = [*judged, *rest]
        reranked[query_id] = {passage_id: float(len(order) - rank) for rank, passage_id in enumerate(order)}
    return reranked
