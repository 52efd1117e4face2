"""What an answer key holds, teacher by teacher."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from menura.answer_key.lookup import stored_scores
from menura.answer_key.store import AnswerKey
from menura.answer_key.tables import readable

__all__ = ["TeacherOverview", "overview"]


@dataclass(frozen=True)
class TeacherOverview:
    """One teacher's part: `scores` of distinct `queries` and `passages`, in `files` of `size` bytes together."""

    teacher: str
    details: dict[str, str]
    scores: int = 0
    queries: int = 0
    passages: int = 0
    runs: int = 0
    first: datetime | None = None
    last: datetime | None = None
    files: int = 0
    size: int = 0


def overview(key: AnswerKey) -> list[TeacherOverview]:
    """Every teacher that is on record or has scores, the one with most scores first.

    Raises:
        MenuraError: the key cannot be read.
    """
    details = key.teachers()
    with readable(key.scores):
        key.scores.update_incremental()
        with stored_scores(key.scores) as database:
            counted = database.sql(
                """
                SELECT teacher, count(*) AS scores, count(DISTINCT query_hash) AS queries,
                    count(DISTINCT passage_hash) AS passages, count(DISTINCT run) AS runs,
                    min(created) AS first, max(created) AS last
                FROM stored GROUP BY teacher
                """
            ).to_arrow_table()
        files = pa.table(key.scores.get_add_actions(flatten=True)).to_pylist()
    found = {row["teacher"]: row for row in counted.to_pylist()}
    parts = []
    for teacher in details.keys() | found.keys():
        sizes = [file["size_bytes"] for file in files if file["partition.teacher"] == teacher]
        row = found.get(teacher, {"teacher": teacher})
        parts.append(TeacherOverview(**row, details=details.get(teacher, {}), files=len(sizes), size=sum(sizes)))
    return sorted(parts, key=lambda part: (-part.scores, part.teacher))
