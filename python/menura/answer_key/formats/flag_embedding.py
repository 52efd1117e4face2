"""FlagEmbedding's training lists: `{"query", "pos", "neg", "pos_scores", "neg_scores"}`, one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from menura.answer_key.formats.checks import scores_of, sides_of
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.files import Row, rows, write_json_lines

__all__ = ["read_flag_embedding", "write_flag_embedding"]


def read_flag_embedding(path: Path) -> Iterator[Judged]:
    """One record a line; `path` may be a folder of such files."""
    for row in rows(path):
        positives, negatives = row.texts("pos"), row.texts("neg")
        yield Judged(
            row.place,
            row.text("query"),
            [*positives, *negatives],
            _scores(row, len(positives), len(negatives)),
            relevant=[True] * len(positives) + [False] * len(negatives),
        )


def write_flag_embedding(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """One line a record."""
    write_json_lines(path, (_line(record, texts) for record in records))


def _scores(row: Row, positives: int, negatives: int) -> list[float] | None:
    if "pos_scores" not in row and "neg_scores" not in row:
        return None
    sides = row.numbers("pos_scores"), row.numbers("neg_scores")
    if tuple(map(len, sides)) != (positives, negatives):
        raise row.fault(
            f"{positives} positives and {negatives} negatives have {len(sides[0])} and {len(sides[1])} scores"
        )
    return [*sides[0], *sides[1]]


def _line(record: Judged, texts: Texts) -> dict[str, Any]:
    scores = scores_of(record)
    line: dict[str, Any] = {"query": texts.query(record.query, record.place)}
    sides = tuple(zip(("pos", "neg"), sides_of(record), strict=True))
    for name, positions in sides:
        line[name] = [texts.passage(record.passages[position], record.place) for position in positions]
    for name, positions in sides:
        line[f"{name}_scores"] = [scores[position] for position in positions]
    return line
