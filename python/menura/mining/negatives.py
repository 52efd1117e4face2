"""Hard negatives from several miners, less those that are likely positives nobody marked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from menura.collections import Collection, Run
from menura.errors import MenuraError
from menura.mining.bm25 import Bm25Miner
from menura.mining.candidates import Candidates
from menura.mining.choosing import choose_candidates
from menura.mining.dense import DenseMiner
from menura.mining.embeddings import EmbeddingCache
from menura.mining.exchange import read_training_list
from menura.mining.false_negatives import false_negatives
from menura.mining.miner import Judge, Miner
from menura.mining.pool import mining_pool, positives
from menura.mining.random_passages import RandomMiner
from menura.recipe import MiningSettings

__all__ = ["mine"]

logger = logging.getLogger(__name__)


def mine(
    collection: Collection,
    settings: MiningSettings,
    *,
    split: str = "train",
    seed: int = 0,
    miners: Mapping[str, Miner] | None = None,
    judge: Judge | None = None,
    cache: EmbeddingCache | None = None,
) -> Candidates:
    """For every query of `split` its positives and up to `settings.negatives` mined negatives.

    A training list is read in place of all that.

    Args:
        seed: of all that is drawn at random.
        miners: more miners by name, students or others', which take their turns after those of `settings.miners`.
        judge: who recognises false negatives, in place of `settings.filter.judge`.
        cache: of the dense miner's embeddings.

    Raises:
        MenuraError: a dense miner is asked for and no `dense_model` is named; or see `choose_candidates`.
    """
    if settings.training_list is not None:
        return read_training_list(settings.training_list, collection)
    queries = collection.split_queries(split)
    relevant = {query_id: positives(collection, split, query_id) for query_id in queries}
    pool = mining_pool(collection, settings, split)
    ours: dict[str, Callable[[], Any]] = {
        "bm25": partial(Bm25Miner, pool),
        "dense": partial(_dense, settings, pool, cache),
        "random": partial(RandomMiner, pool, seed=seed),
    }
    mining: dict[str, Any] = {name: ours[name]() for name in settings.miners}
    for name, miner in (miners or {}).items():
        if name in mining:
            raise MenuraError(f"[mining] two miners are called {name!r}; give yours another name.")
        mining[name] = miner
    runs = {name: miner.search(queries, settings.depth) for name, miner in mining.items()}
    found = {query_id: _found(runs, query_id, relevant[query_id]) for query_id in queries}
    dropped = _outside(found, collection, pool)
    judge = judge or _judge(settings, mining, ours)
    if judge is not None and settings.filter is not None:
        asked = {query_id: text for query_id, text in queries.items() if relevant[query_id]}
        judged = {query_id: [each for each in found[query_id] if pool.get(each, "").strip()] for query_id in asked}
        dropped += false_negatives(judge, settings.filter, asked, relevant, judged)
    excluded: dict[str, set[str]] = {}
    for row in dropped:
        excluded.setdefault(str(row["query_id"]), set()).add(str(row["passage_id"]))
    candidates = choose_candidates(
        collection,
        split,
        runs,
        excluded,
        negatives=settings.negatives,
        range_min=settings.range_min,
        sampling=settings.sampling,
        seed=seed,
    )
    return candidates.with_dropped(dropped)


def _dense(settings: MiningSettings, pool: Mapping[str, str], cache: EmbeddingCache | None) -> DenseMiner:
    if settings.dense_model is None:
        raise MenuraError("[mining] the dense miner needs mining.dense_model; name one, or leave 'dense' out.")
    return DenseMiner(
        settings.dense_model,
        pool,
        max_length=settings.max_length,
        batch_size=settings.batch_size,
        bf16=settings.bf16,
        dtype=settings.embedding_dtype,
        cache=cache,
    )


def _judge(settings: MiningSettings, mining: Mapping[str, Any], ours: Mapping[str, Callable[[], Any]]) -> Judge | None:
    """Whom the settings name, made where it does not mine; None where it is not there."""
    judge: Judge | None = None
    if settings.filter is not None:
        name = settings.filter.judge
        if name is None:
            judge = mining.get("dense")
        elif name in mining:
            judge = mining[name]
        elif name in ours:
            judge = ours[name]()
        elif name != "teacher":  # which has yet to score what is mined
            logger.warning("no false negatives are looked for: %s, their judge, does not mine here.", name)
    return judge


def _found(runs: Mapping[str, Run], query_id: str, relevant: Sequence[str]) -> list[str]:
    """What any miner found, positives left out."""
    found = dict.fromkeys(passage_id for run in runs.values() for passage_id in run.get(query_id, ()))
    return [passage_id for passage_id in found if passage_id not in relevant]


def _outside(
    found: Mapping[str, Sequence[str]], collection: Collection, pool: Mapping[str, str]
) -> list[dict[str, object]]:
    """What miners that know more than the pool found elsewhere."""
    return [
        {"query_id": query_id, "passage_id": passage_id, "reason": "outside the pool"}
        for query_id, passage_ids in found.items()
        for passage_id in passage_ids
        if passage_id in collection.corpus and passage_id not in pool
    ]
