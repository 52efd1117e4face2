"""New negatives in the middle of a training: the student as it is now beside the miners that went first."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from menura.collections import Collection, Run
from menura.mining.candidates import POSITIVE, Candidates
from menura.mining.choosing import choose_candidates
from menura.mining.miner import Miner

__all__ = ["refresh_candidates", "sample_pool"]

SPLIT = "train"


def sample_pool(pool: Mapping[str, str], size: int | None, seed: str) -> dict[str, str]:
    """`size` of the passages of `pool` that have text, drawn at random; None: all."""
    passages = {passage_id: text for passage_id, text in pool.items() if text.strip()}
    if size is None or size >= len(passages):
        return passages
    return {passage_id: passages[passage_id] for passage_id in random.Random(seed).sample(list(passages), size)}


def refresh_candidates(
    candidates: Candidates,
    collection: Collection,
    query_ids: Sequence[str],
    miners: Mapping[str, Miner],
    *,
    depth: int,
    negatives: int,
) -> Candidates:
    """Candidates of some queries: `miners`, by name, take turns with those that chose `candidates`, and begin.

    Positives stay, and what was dropped stays dropped.
    """
    asked = {query_id: collection.queries[query_id] for query_id in query_ids}
    sides = candidates.by_query()
    judged = replace(collection, qrels={SPLIT: {query_id: dict.fromkeys(sides[query_id][0], 1) for query_id in asked}})
    dropped: dict[str, set[str]] = {}
    for row in candidates.dropped.select(["query_id", "passage_id"]).to_pylist():
        dropped.setdefault(row["query_id"], set()).add(row["passage_id"])
    runs = {**{name: miner.search(asked, depth) for name, miner in miners.items()}, **_earlier_runs(candidates, asked)}
    return choose_candidates(judged, SPLIT, runs, dropped, negatives=negatives)


def _earlier_runs(candidates: Candidates, queries: Mapping[str, str]) -> dict[str, Run]:
    """By miner, the negatives that its turns took."""
    runs: dict[str, Run] = {}
    for row in candidates.table.select(["query_id", "passage_id", "origin", "score"]).to_pylist():
        if row["origin"] != POSITIVE and row["query_id"] in queries:
            score = math.nan if row["score"] is None else row["score"]
            runs.setdefault(row["origin"], {}).setdefault(row["query_id"], {})[row["passage_id"]] = score
    return runs
