"""What two teachers have said of the same pairs."""

from __future__ import annotations

import pyarrow as pa

from menura.answer_key.lookup import stored_scores
from menura.answer_key.store import AnswerKey
from menura.answer_key.tables import readable
from menura.errors import MenuraError

__all__ = ["scores_of_two"]


def scores_of_two(key: AnswerKey, first: str, second: str, *, queries: int | None = None) -> pa.Table:
    """The pairs that the teachers of digest `first` or `second` have scored, of the queries that both were asked.

    Columns: query_hash, passage_hash, first, second (float32, null where that teacher has no score). Of two scores for
    one pair the first written counts.

    Args:
        queries: at most so many, those with the lowest hashes: a sample that stays the same. None: all.

    Raises:
        MenuraError: there is no such teacher, or the key cannot be read.
    """
    known = key.teachers()
    for teacher in (first, second):
        if teacher not in known:
            raise MenuraError(
                f"[answer_key] there is no teacher {teacher!r} in {key.location}; it has: {', '.join(known) or 'none'}."
            )
    with readable(key.scores):
        key.scores.update_incremental()
        with stored_scores(key.scores) as database:
            return database.sql(
                """
                WITH chosen AS (
                    SELECT query_hash FROM stored WHERE teacher IN ($first, $second)
                    GROUP BY query_hash HAVING count(DISTINCT teacher) = 2
                    ORDER BY query_hash LIMIT $queries
                ),
                once AS (
                    SELECT query_hash, passage_hash, teacher, arg_min(logit, (created, logit)) AS logit
                    FROM stored SEMI JOIN chosen USING (query_hash) WHERE teacher IN ($first, $second)
                    GROUP BY ALL
                )
                SELECT query_hash, passage_hash,
                    max(logit) FILTER (teacher = $first) AS first, max(logit) FILTER (teacher = $second) AS second
                FROM once GROUP BY ALL ORDER BY query_hash, passage_hash
                """,
                params={"first": first, "second": second, "queries": queries},
            ).to_arrow_table()
