"""Ranking quality per query."""

from __future__ import annotations

import ir_measures

from menura.collections import Qrels, Run
from menura.errors import MenuraError

__all__ = ["METRICS", "Scores", "measure"]

# Column title -> measure
METRICS = {"nDCG@10": ir_measures.nDCG @ 10, "MRR@10": ir_measures.RR @ 10, "Recall@100": ir_measures.R @ 100}

# metric -> query id -> value
Scores = dict[str, dict[str, float]]


def measure(run: Run, qrels: Qrels) -> Scores:
    """nDCG@10, MRR@10 and Recall@100 for every judged query; one for which nothing was found counts 0.

    Equal scores are ranked in the order of their ids.

    Raises:
        MenuraError: the run answers a query that nobody judged, or there are no judgements.
    """
    unknown = next((query_id for query_id in run if query_id not in qrels), None)
    if unknown is not None:
        raise MenuraError(f"[evaluation] the run answers the query {unknown!r}, which the judgements do not have.")
    if not qrels:
        raise MenuraError("[evaluation] there are no judgements to measure against.")
    # Ranks in place of scores: measures break ties each in its own way, and a run has one order.
    ranked = {query_id: _ranks(found) for query_id, found in run.items()}
    scores: Scores = {name: dict.fromkeys(qrels, 0.0) for name in METRICS}
    names = {measure: name for name, measure in METRICS.items()}
    for result in ir_measures.iter_calc(list(METRICS.values()), qrels, ranked):
        scores[names[result.measure]][result.query_id] = result.value
    return scores


def _ranks(found: dict[str, float]) -> dict[str, float]:
    """Best first, equal scores in the order of their ids, as falling whole numbers."""
    order = sorted(found, key=lambda passage_id: (-found[passage_id], passage_id))
    return {passage_id: float(len(order) - rank) for rank, passage_id in enumerate(order)}
