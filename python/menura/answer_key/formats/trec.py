"""TREC runs: `query Q0 passage rank score tag`, separated by blanks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from menura.answer_key.formats.checks import scores_of
from menura.answer_key.formats.grouping import grouped
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.numbers import number
from menura.answer_key.formats.texts import Texts
from menura.errors import MenuraError
from menura.files import lines, write_lines

__all__ = ["read_run", "write_run"]

TAG = "menura"


def read_run(path: Path) -> Iterator[Judged]:
    """One record for the lines of a query that follow one another."""
    return grouped(_rows(path))


def write_run(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """The best of each query first; on a tie, the first of the record."""
    write_lines(path, (line for record in records for line in _lines(record)))


def _rows(path: Path) -> Iterator[tuple[str, str, str, float]]:
    for place, line in lines(path):
        fields = line.split()
        if len(fields) != 6:
            raise MenuraError(f"[formats] {place}: expected query, Q0, passage, rank, score and tag; got {line!r}.")
        yield place, fields[0], fields[2], number(fields[4], place)


def _lines(record: Judged) -> Iterator[str]:
    scores = scores_of(record)
    ranked = sorted(range(len(scores)), key=lambda position: -scores[position])
    for rank, position in enumerate(ranked, start=1):
        fields = (record.query, "Q0", record.passages[position], str(rank), repr(scores[position]), TAG)
        line = " ".join(fields)
        if tuple(line.split()) != fields:
            raise record.fault("an id with a blank in it cannot stand in a TREC run")
        yield line
