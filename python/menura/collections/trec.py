"""TREC judgements: `query 0 passage grade`, separated by blanks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.collections.collection import Qrels
from menura.collections.rows import gather_judgements
from menura.errors import MenuraError
from menura.files import lines, write_lines

__all__ = ["read_trec_qrels", "write_trec_qrels"]


def read_trec_qrels(path: str | Path) -> Qrels:
    """Read a file of judgements; `.gz` is unpacked on the way.

    Raises:
        MenuraError: it cannot be read, a line has not four fields, or a grade is no whole number or contradicts an
            earlier one.
    """
    return gather_judgements(_judgements(Path(path)))


def write_trec_qrels(qrels: Qrels, path: str | Path) -> None:
    """Write a file of judgements, whole or not at all.

    Raises:
        MenuraError: it cannot be written, or an id has a blank in it.
    """
    write_lines(
        Path(path),
        (
            _line(query_id, passage_id, grade)
            for query_id, grades in qrels.items()
            for passage_id, grade in grades.items()
        ),
    )


def _judgements(path: Path) -> Iterator[tuple[str, str, str, str]]:
    for place, line in lines(path):
        fields = line.split()
        if len(fields) != 4:
            raise MenuraError(f"[collections] {place}: expected query, 0, passage and grade; got {line!r}.")
        yield place, fields[0], fields[2], fields[3]


def _line(query_id: str, passage_id: str, grade: int) -> str:
    line = f"{query_id} 0 {passage_id} {grade}"
    if len(line.split()) != 4:
        raise MenuraError(f"[collections] {query_id!r} and {passage_id!r}: TREC's ids have no blanks in them.")
    return line
