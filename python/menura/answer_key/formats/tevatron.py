"""Tevatron's training lists: scores inside the passages for retrievers, in a list of their own for rerankers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from menura.answer_key.formats.checks import scores_of, sides_of
from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.texts import Texts
from menura.files import Row, rows, write_json_lines

__all__ = ["read_reranker", "read_retriever", "write_reranker", "write_retriever"]


def read_retriever(path: Path) -> Iterator[Judged]:
    """`{"query_id", "query", "positive_passages": [{"docid", "title", "text", "score"}], "negative_passages"}`."""
    for row in rows(path):
        positives, negatives = row.objects("positive_passages"), row.objects("negative_passages")
        passages = [*positives, *negatives]
        scored = ["score" in passage for passage in passages]
        if any(scored) and not all(scored):
            raise row.fault("some passages have a score and some have none")
        yield Judged(
            row.place,
            row.text("query"),
            [_text(passage) for passage in passages],
            [passage.number("score") for passage in passages] if any(scored) else None,
            relevant=[True] * len(positives) + [False] * len(negatives),
        )


def write_retriever(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """One line a record."""
    write_json_lines(path, (_retriever_line(record, texts) for record in records))


def read_reranker(path: Path) -> Iterator[Judged]:
    """`{"query_id", "query", "passages": [{"title", "text"}], "scores"}`."""
    for row in rows(path):
        passages = [_text(passage) for passage in row.objects("passages")]
        yield Judged(row.place, row.text("query"), passages, row.numbers("scores"))


def write_reranker(records: Iterable[Judged], path: Path, texts: Texts) -> None:
    """One line a record."""
    write_json_lines(
        path,
        (
            {
                "query_id": record.query,
                "query": texts.query(record.query, record.place),
                "passages": [{"title": "", "text": texts.passage(p, record.place)} for p in record.passages],
                "scores": scores_of(record),
            }
            for record in records
        ),
    )


def _text(passage: Row) -> str:
    text = passage.text("text")
    title = passage.text("title") if "title" in passage else ""
    return f"{title} {text}".strip() if title else text


def _retriever_line(record: Judged, texts: Texts) -> dict[str, Any]:
    scores = scores_of(record)
    line: dict[str, Any] = {"query_id": record.query, "query": texts.query(record.query, record.place)}
    for name, positions in zip(("positive_passages", "negative_passages"), sides_of(record), strict=True):
        line[name] = [
            {
                "docid": record.passages[position],
                "title": "",
                "text": texts.passage(record.passages[position], record.place),
                "score": scores[position],
            }
            for position in positions
        ]
    return line
