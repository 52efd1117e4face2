"""Training rows: a query, N passages, and of a teacher N logits and how much each of them counts."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from datasets import Dataset

from menura.errors import MenuraError

__all__ = ["Row", "build_examples", "column_texts", "deal"]

logger = logging.getLogger(__name__)

# A query's id, and those of its passages, a positive first
Row = tuple[str, list[str]]


def build_examples(
    candidates: Mapping[str, tuple[list[str], list[str]]],
    logits: Mapping[tuple[str, str], float] | None,
    queries: Mapping[str, str],
    corpus: Mapping[str, str],
    *,
    negatives: int,
    weights: Mapping[tuple[str, str], float] | None = None,
) -> Dataset:
    """One row per (query, positive), with the next `negatives` of the query's negatives; the hardest come first.

    A query with several positives deals its negatives out in turn. A query with fewer negatives than asked for is
    left out, and counted in a warning: every row of a batch has the same columns.

    Args:
        candidates: query id -> (positive ids, negative ids).
        logits: (query id, passage id) -> the teacher's raw logit. None: there is no teacher.
        weights: (query id, passage id) -> how much that logit counts. None: all the same.

    Returns:
        Columns `query`, `passage_1` (the positive), ..., `passage_N`, and `label` with N logits in that order; with
        `weights`, `label` has two rows, N logits and N weights. Without a teacher there is no `label`.

    Raises:
        MenuraError: an id has no text, a pair has no logit or weight, or no query has enough negatives.
    """
    rows = []
    for query_id, passages in deal(candidates, negatives):
        row: dict[str, object] = {**column_texts((query_id, passages), queries, corpus)}
        if logits is not None:
            row["label"] = _label(query_id, passages, logits, weights)
        rows.append(row)
    return Dataset.from_list(rows)


def _label(
    query_id: str,
    passages: list[str],
    logits: Mapping[tuple[str, str], float],
    weights: Mapping[tuple[str, str], float] | None,
) -> list[float] | list[list[float]]:
    scores = [_known(logits, query_id, passage_id, "teacher score") for passage_id in passages]
    if weights is None:
        return scores
    return [scores, [_known(weights, query_id, passage_id, "weight") for passage_id in passages]]


def deal(candidates: Mapping[str, tuple[list[str], list[str]]], negatives: int) -> list[Row]:
    """The rows of `build_examples`, by ids.

    Raises:
        MenuraError: no query has enough negatives.
    """
    enough = {query_id: sides for query_id, sides in candidates.items() if len(sides[1]) >= negatives}
    rows = [
        (query_id, [positive, *_turn(found, negatives, turn)])
        for query_id, (positives, found) in enough.items()
        for turn, positive in enumerate(positives)
    ]
    if rows and len(enough) < len(candidates):
        logger.warning(
            "%d of %d queries have fewer than %d negatives and are left out.",
            len(candidates) - len(enough),
            len(candidates),
            negatives,
        )
    if not rows:
        raise MenuraError(f"[training] none of {len(candidates)} queries has {negatives} negatives; ask for fewer.")
    return rows


def column_texts(row: Row, queries: Mapping[str, str], corpus: Mapping[str, str]) -> dict[str, str]:
    """The columns `query`, `passage_1`, ..., `passage_N` of a row.

    Raises:
        MenuraError: an id has no text.
    """
    query_id, passages = row
    texts = {f"passage_{n}": _text(corpus, identifier, "passage") for n, identifier in enumerate(passages, 1)}
    return {"query": _text(queries, query_id, "query"), **texts}


def _turn(found: list[str], count: int, turn: int) -> list[str]:
    start = turn * count % len(found)
    return [*found[start:], *found[:start]][:count]


def _text(texts: Mapping[str, str], identifier: str, kind: str) -> str:
    if identifier not in texts:
        raise MenuraError(f"[training] the {kind} {identifier!r} of the candidates has no text; mine them anew.")
    return texts[identifier]


def _known(values: Mapping[tuple[str, str], float], query_id: str, passage_id: str, kind: str) -> float:
    if (query_id, passage_id) not in values:
        raise MenuraError(f"[training] the pair {(query_id, passage_id)} has no {kind}; annotate it first.")
    return values[query_id, passage_id]
