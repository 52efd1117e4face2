"""Stanford ColBERT's n-way examples: `[query, [passage, score], ...]`, one JSON list a line; or bare passages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from menura.answer_key.formats.checks import scores_of, whole_number
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.errors import MenuraError
from menura.files import Ids, json_lines, write_json_lines

__all__ = ["read_colbert", "write_colbert"]


def read_colbert(path: Path) -> Iterator[Judged]:
    """One record a line, with scores or, as in `[query, positive, negative]`, without."""
    queries, passages = Ids("query"), Ids("passage")
    for place, line in json_lines(path):
        if not isinstance(line, list) or len(line) < 2:
            raise _fault(place, line)
        query, *judged = line
        identifier = queries.one(query, place)
        if not any(isinstance(entry, list) for entry in judged):
            yield Judged(place, identifier, passages.many(judged, place))
        elif all(isinstance(entry, list) and len(entry) == 2 and type(entry[1]) in (int, float) for entry in judged):
            found, scores = zip(*judged, strict=True)
            yield Judged(place, identifier, passages.many(found, place), [float(score) for score in scores])
        else:
            raise _fault(place, line)


def write_colbert(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """One line a record, its passages in their order. Ids must be whole numbers."""
    write_json_lines(path, (_line(record) for record in records))


def _line(record: Judged) -> list[Any]:
    pairs = zip(record.passages, scores_of(record), strict=True)
    judged = [[whole_number(record, passage), score] for passage, score in pairs]
    return [whole_number(record, record.query), *judged]


def _fault(place: str, line: Any) -> MenuraError:
    return MenuraError(
        f"[formats] {place}: expected [query, [passage, score], ...] or [query, passage, ...]; got {str(line)[:160]}"
    )
