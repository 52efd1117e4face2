"""sentence-transformers' mined negatives: `{"qid", "pos": [...], "neg": {MINER: [...]}}`, one JSON object a line.

Passages are ids, or objects `{"pid", "ce-score"}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from menura.answer_key.formats.checks import sides_of
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.files import Ids, Row, rows, write_json_lines

__all__ = ["read_mined_negatives", "write_mined_negatives"]

POSITIVE = "positive"
UNNAMED = "unnamed"


def read_mined_negatives(path: Path) -> Iterator[Judged]:
    """One record a line; a negative that several miners found is the first one's."""
    queries, passages = Ids("query"), Ids("passage")
    for row in rows(path):
        yield _record(row, queries, passages)


def write_mined_negatives(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """One line a record, with scores where it has them."""
    write_json_lines(path, (_line(record) for record in records))


def _record(row: Row, queries: Ids, passages: Ids) -> Judged:
    mined = row.value("neg")
    if not isinstance(mined, dict):
        raise row.fault("'neg' must be an object of lists, one a miner")
    found: dict[tuple[str, float | None, bool], str] = {}
    for origin, listed, relevant in (
        (POSITIVE, row.items("pos"), True),
        *((miner, Row(row.place, mined).items(miner), False) for miner in mined),
    ):
        for entry in listed:
            identifier, score = _entry(row, entry)
            found.setdefault((passages.one(identifier, row.place), score, relevant), origin)
    scores = [score for _, score, _ in found if score is not None]
    if scores and len(scores) < len(found):
        raise row.fault("some passages have a score and some have none")
    return Judged(
        row.place,
        queries.one(row.value("qid"), row.place),
        [passage for passage, _, _ in found],
        scores or None,
        relevant=[relevant for _, _, relevant in found],
        origins=list(found.values()),
    )


def _entry(row: Row, entry: Any) -> tuple[Any, float | None]:
    if not isinstance(entry, dict):
        return entry, None
    scored = Row(row.place, entry)
    return scored.value("pid"), scored.number("ce-score")


def _line(record: Judged) -> dict[str, Any]:
    positives, negatives = sides_of(record)
    origins = record.origins or [UNNAMED] * len(record.passages)
    mined: dict[str, list[Any]] = {}
    for position in negatives:
        mined.setdefault(origins[position], []).append(_listed(record, position))
    return {"qid": record.query, "pos": [_listed(record, position) for position in positives], "neg": mined}


def _listed(record: Judged, position: int) -> Any:
    passage = record.passages[position]
    return passage if record.scores is None else {"pid": passage, "ce-score": record.scores[position]}
