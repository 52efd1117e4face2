"""BEIR folders: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv` (Thakur et al. 2021, arXiv 2104.08663)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from menura.collections.collection import Collection
from menura.collections.rows import gather_judgements, gather_texts
from menura.errors import MenuraError
from menura.files import json_lines, lines

__all__ = ["read_beir", "write_beir"]


def read_beir(folder: str | Path) -> Collection:
    """Read a BEIR folder. A passage's title and text are joined by a space.

    Raises:
        MenuraError: a file is missing or a line is not what it should be (bad JSON, an id or text that is no string,
            a duplicate id, a grade that is no whole number), with the file and the line; or see `Collection`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MenuraError(f"[collections] there is no BEIR folder at {folder}.")
    corpus = gather_texts(json_lines(folder / "corpus.jsonl"))
    queries = gather_texts(json_lines(folder / "queries.jsonl"))
    qrels = {path.stem: gather_judgements(_judgements(path)) for path in sorted((folder / "qrels").glob("*.tsv"))}
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


def _judgements(path: Path) -> Iterator[tuple[str, str, str, str]]:
    for where, line in lines(path):
        fields = line.split("\t")
        if where == f"{path}:1" and fields[-1] == "score":
            continue
        if len(fields) != 3:
            raise MenuraError(
                f"[collections] {where}: expected query-id, corpus-id and score, separated by tabs; got {line!r}."
            )
        query_id, passage_id, grade = fields
        yield where, query_id, passage_id, grade
