"""Hard negatives from several miners, less those that are likely positives nobody marked."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import zip_longest

from menura.collections import Collection
from menura.errors import MenuraError
from menura.mining.bm25 import Bm25Miner
from menura.mining.candidates import POSITIVE, Candidates
from menura.mining.dense import DenseMiner
from menura.mining.ranking import Run
from menura.recipe import MiningSettings

__all__ = ["choose_candidates", "mine"]

logger = logging.getLogger(__name__)


def mine(collection: Collection, settings: MiningSettings, *, split: str = "train") -> Candidates:
    """For every query of `split` its positives and up to `settings.negatives` mined negatives.

    Raises:
        MenuraError: the dense miner is asked for and no `dense_model` is named; or see `choose_candidates`.
    """
    queries = collection.split_queries(split)
    runs: dict[str, Run] = {}
    thresholds: dict[str, float] = {}
    if "bm25" in settings.miners:
        runs["bm25"] = Bm25Miner(collection.corpus).search(queries, settings.depth)
    if "dense" in settings.miners:
        if settings.dense_model is None:
            raise MenuraError("[mining] the dense miner needs mining.dense_model; name one, or leave 'dense' out.")
        dense = DenseMiner(
            settings.dense_model,
            collection.corpus,
            max_length=settings.max_length,
            batch_size=settings.batch_size,
            bf16=settings.bf16,
        )
        runs["dense"] = dense.search(queries, settings.depth)
        thresholds = _thresholds(dense, collection, split, settings.positive_ratio)
    return choose_candidates(collection, split, runs, thresholds, settings.negatives)


def choose_candidates(
    collection: Collection,
    split: str,
    runs: Mapping[str, Run],
    thresholds: Mapping[str, float],
    negatives: int,
) -> Candidates:
    """Positives, and negatives taken from the miners in turn: the best of each, then the second of each, and so on.

    Args:
        runs: by miner, what it found for each query.
        thresholds: by query, the dense score above which a passage counts as a false negative.
        negatives: how many per query. Queries for which fewer are found keep what there is; how many, is logged.

    Raises:
        MenuraError: no query is left: none has a relevant passage with text.
    """
    rows: list[dict[str, object]] = []
    short = 0
    for query_id, grades in collection.qrels[split].items():
        relevant = [passage_id for passage_id, grade in grades.items() if grade > 0]
        positives = [passage_id for passage_id in relevant if collection.corpus[passage_id].strip()]
        if not positives:
            continue
        rows.extend(_row(query_id, passage_id, POSITIVE, rank, None) for rank, passage_id in enumerate(positives, 1))
        suspects = _false_negatives(runs.get("dense", {}).get(query_id, {}), thresholds.get(query_id))
        mined = _interleave({miner: run[query_id] for miner, run in runs.items()}, suspects.union(relevant))
        chosen = [row for row, _ in zip(mined, range(negatives), strict=False)]
        rows.extend(_row(query_id, *row) for row in chosen)
        short += len(chosen) < negatives
    if not rows:
        raise MenuraError(f"[mining] no query of the split {split!r} has a relevant passage with text.")
    if short:
        logger.warning("%d queries have fewer than %d negatives; they keep what was found.", short, negatives)
    return Candidates.from_rows(rows)


def _thresholds(dense: DenseMiner, collection: Collection, split: str, ratio: float) -> dict[str, float]:
    """`ratio` times the similarity of each query's weakest positive (positive-aware mining, arXiv 2407.15831)."""
    pairs = [
        (query_id, passage_id)
        for query_id, grades in collection.qrels[split].items()
        for passage_id, grade in grades.items()
        if grade > 0 and collection.corpus[passage_id].strip()
    ]
    thresholds: dict[str, float] = {}
    for (query_id, _), similarity in dense.similarities(pairs, collection.queries).items():
        thresholds[query_id] = min(thresholds.get(query_id, float("inf")), ratio * similarity)
    return thresholds


def _false_negatives(found: Mapping[str, float], threshold: float | None) -> set[str]:
    if threshold is None:
        return set()
    return {passage_id for passage_id, score in found.items() if score > threshold}


def _interleave(found: Mapping[str, Mapping[str, float]], excluded: set[str]) -> Iterator[tuple[str, str, int, float]]:
    """(passage id, miner, rank, score), miners in turn, no passage twice and none of `excluded`."""
    seen = set(excluded)
    ranked = [
        [(passage_id, miner, rank, score) for rank, (passage_id, score) in enumerate(run.items(), 1)]
        for miner, run in found.items()
    ]
    for ties in zip_longest(*ranked):
        for row in ties:
            if row is not None and row[0] not in seen:
                seen.add(row[0])
                yield row


def _row(query_id: str, passage_id: str, origin: str, rank: int, score: float | None) -> dict[str, object]:
    return {"query_id": query_id, "passage_id": passage_id, "origin": origin, "rank": rank, "score": score}
