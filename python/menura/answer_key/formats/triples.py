"""Lines of two passages each: Hofstätter's scores (arXiv 2010.02666) and GPL's margins (arXiv 2112.07577)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from menura.answer_key.formats.checks import couples_of, margin_of, scores_of, tab_separated
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.numbers import number
from menura.answer_key.formats.texts import Texts
from menura.errors import MenuraError
from menura.files import lines, write_lines

__all__ = ["read_gpl", "read_hofstatter", "write_gpl", "write_hofstatter", "write_hofstatter_texts"]


def read_hofstatter(path: Path) -> Iterator[Judged]:
    """`pos_score, neg_score, query, positive, negative`: ids, or texts in their place."""
    for place, line in lines(path):
        positive_score, negative_score, query, *passages = _fields(line, 5, place)
        scores = [number(positive_score, place), number(negative_score, place)]
        yield Judged(place, query, passages, scores, relevant=[True, False])


def write_hofstatter(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """A line for every positive and every other passage of its query."""
    write_lines(path, (line for record in records for line in _scored_lines(record, record.query, record.passages)))


def write_hofstatter_texts(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """The same, of texts."""
    write_lines(
        path,
        (
            line
            for record in records
            for line in _scored_lines(
                record,
                texts.query(record.query, record.place),
                [texts.passage(passage, record.place) for passage in record.passages],
            )
        ),
    )


def read_gpl(path: Path) -> Iterator[Judged]:
    """`query, positive, negative, margin`."""
    for place, line in lines(path):
        query, positive, negative, margin = _fields(line, 4, place)
        yield Judged(place, query, [positive, negative], margins=[number(margin, place)], relevant=[True, False])


def write_gpl(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """A line for every positive and every other passage of its query."""
    write_lines(
        path,
        (
            tab_separated(
                record,
                record.query,
                record.passages[positive],
                record.passages[negative],
                repr(margin_of(record, positive, negative)),
            )
            for record in records
            for positive, negative in couples_of(record)
        ),
    )


def _fields(line: str, count: int, place: str) -> list[str]:
    fields = line.split("\t")
    if len(fields) != count or not all(fields):
        raise MenuraError(f"[formats] {place}: expected {count} fields separated by tabs; got {line[:160]!r}.")
    return fields


def _scored_lines(record: Judged, query: str, passages: Sequence[str]) -> Iterator[str]:
    scores = scores_of(record)
    for positive, negative in couples_of(record):
        fields = repr(scores[positive]), repr(scores[negative]), query, passages[positive], passages[negative]
        yield tab_separated(record, *fields)
