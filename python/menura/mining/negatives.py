"""Hard negatives from several miners, less those that are likely positives nobody marked."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from itertools import zip_longest

from menura.collections import Collection, Run
from menura.errors import MenuraError
from menura.mining.bm25 import Bm25Miner
from menura.mining.candidates import POSITIVE, Candidates
from menura.mining.dense import DenseMiner
from menura.mining.exchange import read_training_list
from menura.mining.random_passages import RandomMiner
from menura.recipe import MiningSettings

__all__ = ["choose_candidates", "mine"]

logger = logging.getLogger(__name__)


def mine(collection: Collection, settings: MiningSettings, *, split: str = "train", seed: int = 0) -> Candidates:
    """For every query of `split` its positives and up to `settings.negatives` mined negatives.

    The miners take turns in the order of `settings.miners`; `seed` is the random one's. Likely false negatives are
    recognised by the dense miner (positive-aware mining, arXiv 2407.15831); without it nothing is filtered. A training
    list is read in place of all that.

    Raises:
        MenuraError: the dense miner is asked for and no `dense_model` is named; or see `choose_candidates`.
    """
    if settings.training_list is not None:
        return read_training_list(settings.training_list, collection)
    queries = collection.split_queries(split)
    corpus = collection.corpus if settings.pool == "corpus" else _relevant(collection, split)
    runs: dict[str, Run] = {}
    suspects: dict[str, set[str]] = {}
    if "bm25" in settings.miners:
        runs["bm25"] = Bm25Miner(corpus).search(queries, settings.depth)
    if "random" in settings.miners:
        runs["random"] = RandomMiner(corpus, seed=seed).search(queries, settings.depth)
    if "dense" in settings.miners:
        if settings.dense_model is None:
            raise MenuraError("[mining] the dense miner needs mining.dense_model; name one, or leave 'dense' out.")
        dense = DenseMiner(
            settings.dense_model,
            corpus,
            max_length=settings.max_length,
            batch_size=settings.batch_size,
            bf16=settings.bf16,
        )
        runs["dense"] = dense.search(queries, settings.depth)
        suspects = _false_negatives(dense, collection, split, runs, settings.positive_ratio)
    runs = {miner: runs[miner] for miner in settings.miners}
    return choose_candidates(collection, split, runs, suspects, settings.negatives)


def choose_candidates(
    collection: Collection,
    split: str,
    runs: Mapping[str, Run],
    false_negatives: Mapping[str, set[str]],
    negatives: int,
) -> Candidates:
    """Positives, and negatives taken from the miners in turn: the best of each, then the second of each, and so on.

    Args:
        runs: by miner, what it found for each query.
        false_negatives: by query, passages that are left out.
        negatives: how many per query. Queries for which fewer are found keep what there is; how many, is logged.

    Raises:
        MenuraError: no query is left: none has a relevant passage with text.
    """
    rows: list[dict[str, object]] = []
    short = 0
    for query_id in collection.qrels[split]:
        positives = _positives(collection, split, query_id)
        if not positives:
            continue
        rows.extend(_row(query_id, passage_id, POSITIVE, rank, None) for rank, passage_id in enumerate(positives, 1))
        excluded = false_negatives.get(query_id, set()).union(positives)
        mined = _interleave({miner: run[query_id] for miner, run in runs.items()}, excluded)
        chosen = [row for row, _ in zip(mined, range(negatives), strict=False)]
        rows.extend(_row(query_id, *row) for row in chosen)
        short += len(chosen) < negatives
    if not rows:
        raise MenuraError(f"[mining] no query of the split {split!r} has a relevant passage with text.")
    if short:
        logger.warning("%d queries have fewer than %d negatives; they keep what was found.", short, negatives)
    return Candidates.from_rows(rows)


def _false_negatives(
    dense: DenseMiner, collection: Collection, split: str, runs: Mapping[str, Run], ratio: float
) -> dict[str, set[str]]:
    """By query, whatever any miner found that is closer than `ratio` times the similarity of its weakest positive."""
    suspects: dict[str, set[str]] = {}
    for query_id in collection.qrels[split]:
        query = collection.queries[query_id]
        positives = _positives(collection, split, query_id)
        if positives:
            threshold = ratio * min(dense.similarities(query, positives).values())
            mined = {passage_id for run in runs.values() for passage_id in run[query_id]}
            similarities = dense.similarities(query, mined)
            suspects[query_id] = {passage_id for passage_id, score in similarities.items() if score > threshold}
    return suspects


def _relevant(collection: Collection, split: str) -> dict[str, str]:
    """The passages that are relevant to some query of `split`."""
    chosen = {
        passage_id for query_id in collection.qrels[split] for passage_id in _positives(collection, split, query_id)
    }
    return {passage_id: text for passage_id, text in collection.corpus.items() if passage_id in chosen}


def _positives(collection: Collection, split: str, query_id: str) -> list[str]:
    """The relevant passages that have text."""
    grades = collection.qrels[split][query_id]
    return [passage_id for passage_id, grade in grades.items() if grade > 0 and collection.corpus[passage_id].strip()]


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
    known = None if score is None or math.isnan(score) else score
    return {"query_id": query_id, "passage_id": passage_id, "origin": origin, "rank": rank, "score": known}
