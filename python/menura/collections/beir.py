"""BEIR folders: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv` (Thakur et al. 2021, arXiv 2104.08663)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from menura.collections.collection import Collection, Qrels
from menura.errors import MenuraError

__all__ = ["join_title", "read_beir", "write_beir"]


def read_beir(folder: str | Path) -> Collection:
    """Read a BEIR folder. A passage's title and text are joined by a space.

    Raises:
        MenuraError: a file is missing or a line is not what it should be (bad JSON, an id that is no string, a
            duplicate id, a grade that is no number), with the file and the line; or see `Collection`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MenuraError(f"[collections] there is no BEIR folder at {folder}.")
    corpus = _read_texts(folder / "corpus.jsonl")
    queries = _read_texts(folder / "queries.jsonl")
    qrels = {path.stem: _read_qrels(path) for path in sorted((folder / "qrels").glob("*.tsv"))}
    if not qrels:
        raise MenuraError(f"[collections] {folder} has no judgements; expected qrels/train.tsv, qrels/test.tsv, ...")
    return Collection(folder.name, corpus, queries, qrels)


def write_beir(collection: Collection, folder: str | Path) -> None:
    """Write `collection` as a BEIR folder.

    Raises:
        MenuraError: the folder cannot be written.
    """
    folder = Path(folder)
    try:
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
        for name, texts in (("corpus", collection.corpus), ("queries", collection.queries)):
            with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
                for identifier, text in texts.items():
                    file.write(json.dumps({"_id": identifier, "text": text}, ensure_ascii=False) + "\n")
        for split, judgements in collection.qrels.items():
            with (folder / "qrels" / f"{split}.tsv").open("w", encoding="utf-8") as file:
                file.write("query-id\tcorpus-id\tscore\n")
                for query_id, grades in judgements.items():
                    file.writelines(f"{query_id}\t{passage_id}\t{grade}\n" for passage_id, grade in grades.items())
    except OSError as error:
        raise MenuraError(f"[collections] cannot write {folder}: {error.strerror}.") from error


def join_title(title: str | None, text: str) -> str:
    """A passage's title and text as one text."""
    return f"{title} {text}".strip() if title else text


def _read_texts(path: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, line in _lines(path):
        where = f"{path}:{number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise MenuraError(f"[collections] {where}: not valid JSON: {error.msg}.") from error
        if not isinstance(row, dict) or "_id" not in row or "text" not in row:
            raise MenuraError(f"[collections] {where}: expected an object with '_id' and 'text'; got {line[:80]!r}.")
        identifier = _string_id(row["_id"], where)
        if identifier in texts:
            raise MenuraError(f"[collections] {where}: the id {identifier!r} stands twice.")
        texts[identifier] = join_title(row.get("title"), row["text"])
    return texts


def _read_qrels(path: Path) -> Qrels:
    qrels: Qrels = {}
    for number, line in _lines(path):
        fields = line.rstrip("\n").split("\t")
        if number == 1 and fields[-1] == "score":
            continue
        if len(fields) != 3 or not fields[2].strip().lstrip("-").isdigit():
            raise MenuraError(
                f"[collections] {path}:{number}: expected query-id, corpus-id and a whole-number score, separated by "
                f"tabs; got {line.rstrip()!r}."
            )
        query_id, passage_id, grade = fields
        qrels.setdefault(query_id, {})[passage_id] = int(grade)
    return qrels


def _string_id(identifier: Any, where: str) -> str:
    if not isinstance(identifier, str):
        raise MenuraError(
            f"[collections] {where}: ids must be strings; got {identifier!r} ({type(identifier).__name__}). "
            f'Write "{identifier}" in quotes, and the same in the judgements.'
        )
    return identifier


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except FileNotFoundError as error:
        raise MenuraError(f"[collections] {path} is missing.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise MenuraError(f"[collections] cannot read {path}: {error}.") from error
