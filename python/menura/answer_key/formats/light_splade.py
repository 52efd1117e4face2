"""light-splade's score maps: `{"qid": 1, "scores": {"123": 0.75}}`, one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from menura.answer_key.formats.checks import scores_of, whole_number
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.files import Ids, Row, rows, write_json_lines

__all__ = ["read_light_splade", "write_light_splade"]


def read_light_splade(path: Path) -> Iterator[Judged]:
    """One record a line; `path` may be a folder of such files."""
    queries = Ids("query")
    for row in rows(path):
        scores = row.value("scores")
        if not isinstance(scores, dict):
            raise row.fault("'scores' must be an object")
        values = Row(row.place, {"scores": list(scores.values())}).numbers("scores")
        yield Judged(row.place, queries.one(row.value("qid"), row.place), list(scores), values)


def write_light_splade(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """One line a record. Ids must be whole numbers."""
    write_json_lines(path, (_line(record) for record in records))


def _line(record: Judged) -> dict[str, Any]:
    pairs = zip(record.passages, scores_of(record), strict=True)
    scores = {str(whole_number(record, passage)): score for passage, score in pairs}
    return {"qid": whole_number(record, record.query), "scores": scores}
