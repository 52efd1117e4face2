"""What a new teacher changes: two teachers' scores of the same pairs, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from menura.answer_key import AnswerKey
from menura.answer_key.shared import scores_of_two
from menura.errors import MenuraError
from menura.evaluation.report_card.agreement import Agreement, agreement
from menura.evaluation.report_card.judged import NOT_JUDGED, JudgedPairs

__all__ = ["Changed", "Difference", "difference"]


@dataclass(frozen=True)
class Changed:
    """A query that the teachers order differently, by its text's hash, in hex; so are their favourite passages."""

    query: str
    tau_b: float
    passages: int
    first_favourite: str
    second_favourite: str


@dataclass(frozen=True)
class Difference:
    """How far the teachers of digest `first` and `second` agree.

    Attributes:
        queries: how many, asked of both, this rests on.
        both: pairs that both have scored; `only_first` and `only_second` one alone.
        agreement: rank correlations query by query, and flipped pairs; `second` is held against `first`.
        worst: the queries that changed most, the most changed first.
    """

    first: str
    second: str
    queries: int
    both: int
    only_first: int
    only_second: int
    agreement: Agreement
    worst: list[Changed]


def difference(key: AnswerKey, first: str, second: str, *, queries: int | None = 10_000, worst: int = 10) -> Difference:
    """Compare two teachers of an answer key.

    Args:
        first: a digest, the reference; `second`: the one that is held against it.
        queries: at most so many, a sample that stays the same. None: all.
        worst: of how many queries to tell.

    Raises:
        MenuraError: there is no such teacher, or no query has passages that both of them tell apart.
    """
    table = scores_of_two(key, first, second, queries=queries)
    scores = [table[name].to_numpy() for name in ("first", "second")]
    lone = [np.isnan(column) for column in scores]
    hashes = table["query_hash"].combine_chunks().dictionary_encode()
    passages = [passage.hex() for passage in table["passage_hash"].to_pylist()]
    edges = np.flatnonzero(np.diff(hashes.indices.to_numpy(), prepend=-1)).tolist()
    pairs = JudgedPairs(
        [query.hex() for query in hashes.dictionary.to_pylist()],
        [slice(*edge) for edge in pairwise([*edges, len(table)])],
        passages,
        np.full(len(table), NOT_JUDGED, np.int8),
        {"first": scores[0].astype(np.float64), "second": scores[1].astype(np.float64)},
    )
    found = agreement(pairs, "first", "second")
    if found is None:
        raise MenuraError(
            f"[answer_key] {first} and {second} share no query with two passages that both tell apart; have them score "
            "the same pairs."
        )
    return Difference(
        first,
        second,
        len(pairs.query_ids),
        both=int((~lone[0] & ~lone[1]).sum()),
        only_first=int(lone[1].sum()),
        only_second=int(lone[0].sum()),
        agreement=found,
        worst=_worst(pairs, found, worst),
    )


def _worst(pairs: JudgedPairs, found: Agreement, count: int) -> list[Changed]:
    chosen = sorted(found.per_query, key=lambda query: (found.per_query[query], query))[:count]
    slices = dict(zip(pairs.query_ids, pairs.slices, strict=True))
    changed = []
    for query in chosen:
        rows = slices[query]
        first, second = pairs.scores["first"][rows], pairs.scores["second"][rows]
        both = np.flatnonzero(~(np.isnan(first) | np.isnan(second)))
        favourites = (pairs.passage_ids[rows.start + int(both[column[both].argmax()])] for column in (first, second))
        changed.append(Changed(query, found.per_query[query], len(both), *favourites))
    return changed
