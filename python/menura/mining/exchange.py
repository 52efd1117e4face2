"""Candidates as the records of other people's training lists, and from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from menura.answer_key.formats import Judged, Texts, format_named
from menura.collections import Collection
from menura.errors import MenuraError
from menura.files import content_digest, data_files, locate
from menura.mining.candidates import POSITIVE, Candidates
from menura.recipe import TrainingListSettings

__all__ = ["from_records", "read_training_list", "to_records", "training_list_digest"]

# The origin of negatives whose file does not say who found them.
LISTED = "listed"


def to_records(candidates: Candidates, logits: Mapping[tuple[str, str], float]) -> Iterator[Judged]:
    """One record a query: its positives, then its negatives in the order they were mined.

    Args:
        logits: (query id, passage id) -> the teacher's raw logit, of every pair.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for row in candidates.table.select(["query_id", "passage_id", "origin"]).to_pylist():
        found.setdefault(row["query_id"], []).append((row["passage_id"], row["origin"]))
    for query_id, passages in found.items():
        passages.sort(key=lambda passage: passage[1] != POSITIVE)
        yield Judged(
            "candidates",
            query_id,
            [passage_id for passage_id, _ in passages],
            [logits[query_id, passage_id] for passage_id, _ in passages],
            relevant=[origin == POSITIVE for _, origin in passages],
            origins=[origin for _, origin in passages],
        )


def from_records(records: Iterable[Judged], texts: Texts) -> Candidates:
    """The candidates that records of ids list; a passage that several records of a query list is taken once.

    Raises:
        MenuraError: a record does not say which of its passages are positives; an id has no text; or a passage is a
            positive of a query in one record and not in another.
    """
    found: dict[str, dict[str, str]] = {}
    for record in records:
        if record.relevant is None:
            raise record.fault("nothing says which passages are positives")
        texts.query(record.query, record.place)
        origins = record.origins or [LISTED] * len(record.passages)
        listed = found.setdefault(record.query, {})
        for passage_id, relevant, origin in zip(record.passages, record.relevant, origins, strict=True):
            texts.passage(passage_id, record.place)
            origin = POSITIVE if relevant else origin
            if (listed.setdefault(passage_id, origin) == POSITIVE) != relevant:
                raise record.fault(f"the passage {passage_id!r} is a positive in one record and none in another")
    if not found:
        raise MenuraError("[mining] the training list is empty.")
    return Candidates.from_rows([row for query_id, listed in found.items() for row in _rows(query_id, listed)])


def read_training_list(settings: TrainingListSettings, collection: Collection) -> Candidates:
    """The candidates of a file whose ids are those of `collection`.

    Raises:
        MenuraError: the file cannot be read or breaks a contract of its format, its format holds texts in place of ids,
            a query is held out by another split than ``train``, or see `from_records`.
    """
    form = format_named(settings.format)
    if form.identifies != "ids":
        raise MenuraError(f"[mining] the format {form.name} holds texts; a training list must name ids.")
    candidates = from_records(form.read(locate(settings.source)), Texts(collection.queries, collection.corpus))
    for query_id in candidates.by_query():
        held_out = next(
            (split for split in collection.qrels if split != "train" and query_id in collection.qrels[split]), None
        )
        if held_out is not None:
            raise MenuraError(
                f"[mining] the training list has the query {query_id!r}, which the split {held_out!r} holds out; "
                "students would be tested on what they learned."
            )
    return candidates


def training_list_digest(settings: TrainingListSettings | None) -> str | None:
    """What the file of a training list holds, as one digest; None where there is none.

    Raises:
        MenuraError: it cannot be read.
    """
    return None if settings is None else content_digest(data_files(locate(settings.source)))


def _rows(query_id: str, listed: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """Positives first; ranks are counted within an origin."""
    ranks: dict[str, int] = {}
    for passage_id, origin in sorted(listed.items(), key=lambda item: item[1] != POSITIVE):
        ranks[origin] = ranks.get(origin, 0) + 1
        yield {"query_id": query_id, "passage_id": passage_id, "origin": origin, "rank": ranks[origin], "score": None}
