"""Which of the passages that the miners found become a query's negatives."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Collection as Container
from collections.abc import Iterator, Mapping
from itertools import islice

from menura.collections import Collection, Run
from menura.errors import MenuraError
from menura.mining.candidates import POSITIVE, Candidates
from menura.mining.pool import positives
from menura.recipe import Sampling

__all__ = ["choose_candidates"]

logger = logging.getLogger(__name__)

# Passage id, rank from 1, score where there is one
Found = tuple[str, int, float | None]


def choose_candidates(
    collection: Collection,
    split: str,
    runs: Mapping[str, Run],
    excluded: Mapping[str, Container[str]],
    *,
    negatives: int,
    range_min: int = 0,
    sampling: Sampling = "top",
    seed: int = 0,
) -> Candidates:
    """Positives, and negatives taken from the miners in turn: one of each, then another of each, and so on.

    A text is taken once, whichever passages have it, and never where a positive has it. Blank passages are never taken.

    Args:
        runs: by miner, what it found for each query.
        excluded: by query, passages that are left out.
        negatives: how many per query. Queries for which fewer are found keep what there is; how many, is logged.
        range_min: ranks that are skipped at the top of every run.
        sampling: ``top`` takes each miner's best first, ``random`` draws from what it found.
        seed: of the draws; what a query gets does not depend on the others.

    Raises:
        MenuraError: no query is left: none has a relevant passage with text; or a run names a passage that is not
            in the collection.
    """
    rows: list[dict[str, object]] = []
    dropped: list[dict[str, object]] = []
    short = 0
    for query_id in collection.qrels[split]:
        relevant = positives(collection, split, query_id)
        if not relevant:
            continue
        found = {miner: _ranked(run.get(query_id, {})) for miner, run in runs.items()}
        _check_known(found, collection)
        finders = _finders(found)
        rows.extend(_row(query_id, each, POSITIVE, rank, None, finders) for rank, each in enumerate(relevant, 1))
        seen = {*relevant, *excluded.get(query_id, ())}
        texts = {"": "blank"} | {_words(collection.corpus[passage_id]): "text of a positive" for passage_id in relevant}
        refused: list[tuple[str, str]] = []
        queues = {
            miner: _eligible(
                _window(ranked, range_min, sampling, f"{seed} {miner} {query_id}"),
                collection.corpus,
                seen,
                texts,
                refused,
            )
            for miner, ranked in found.items()
        }
        chosen = list(islice(_in_turn(queues), negatives))
        rows.extend(
            _row(query_id, passage_id, miner, rank, score, finders) for miner, (passage_id, rank, score) in chosen
        )
        dropped.extend(
            {"query_id": query_id, "passage_id": passage_id, "reason": reason} for passage_id, reason in refused
        )
        short += len(chosen) < negatives
    if not rows:
        raise MenuraError(f"[mining] no query of the split {split!r} has a relevant passage with text.")
    if short:
        logger.warning("%d queries have fewer than %d negatives; they keep what was found.", short, negatives)
    return Candidates.from_rows(rows, dropped)


def _ranked(found: Mapping[str, float]) -> list[Found]:
    return [
        (passage_id, rank, None if math.isnan(score) else score)
        for rank, (passage_id, score) in enumerate(found.items(), 1)
    ]


def _finders(found: Mapping[str, list[Found]]) -> dict[str, list[dict[str, object]]]:
    """Passage id -> who found it, in the order of the miners."""
    finders: dict[str, list[dict[str, object]]] = {}
    for miner, ranked in found.items():
        for passage_id, rank, score in ranked:
            finders.setdefault(passage_id, []).append({"miner": miner, "rank": rank, "score": score})
    return finders


def _window(ranked: list[Found], range_min: int, sampling: Sampling, seed: str) -> list[Found]:
    window = ranked[range_min:]
    return window if sampling == "top" else random.Random(seed).sample(window, len(window))


def _eligible(
    window: list[Found],
    corpus: Mapping[str, str],
    seen: set[str],
    texts: dict[str, str],
    refused: list[tuple[str, str]],
) -> Iterator[Found]:
    """What of `window` may be a negative, noted in `seen` and `texts`, which a query's miners share.

    `texts` say why a passage that has one of them is refused.
    """
    for found in window:
        passage_id = found[0]
        if passage_id in seen:
            continue
        seen.add(passage_id)
        text = _words(corpus[passage_id])
        if text in texts:
            refused.append((passage_id, texts[text]))
        else:
            texts[text] = "text of another negative"
            yield found


def _in_turn(queues: dict[str, Iterator[Found]]) -> Iterator[tuple[str, Found]]:
    """Miner and what it found, one of each and again from the first, until there is no more."""
    while queues:
        for miner in list(queues):
            found = next(queues[miner], None)
            if found is None:
                del queues[miner]
            else:
                yield miner, found


def _check_known(found: Mapping[str, list[Found]], collection: Collection) -> None:
    for miner, ranked in found.items():
        unknown = next((passage_id for passage_id, _, _ in ranked if passage_id not in collection.corpus), None)
        if unknown is not None:
            some = ", ".join(repr(known) for known in list(collection.corpus)[:3])
            raise MenuraError(
                f"[mining] the miner {miner!r} found {unknown!r} ({type(unknown).__name__}), which is not in the "
                f"collection; its passage ids look like {some}."
            )


def _words(text: str) -> str:
    """The text, whatever stands between its words."""
    return " ".join(text.split())


def _row(
    query_id: str,
    passage_id: str,
    origin: str,
    rank: int,
    score: float | None,
    finders: Mapping[str, list[dict[str, object]]],
) -> dict[str, object]:
    return {
        "query_id": query_id,
        "passage_id": passage_id,
        "origin": origin,
        "rank": rank,
        "score": score,
        "found_by": finders.get(passage_id, []),
    }
