"""BEIR folders: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv` (Thakur et al. 2021, arXiv 2104.08663)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from menura.collections.collection import Collection, Fields
from menura.collections.fields import fields_of_side
from menura.collections.images import Image
from menura.collections.rows import gather_judgements, gather_texts
from menura.errors import MenuraError
from menura.files import json_lines, lines

__all__ = ["read_beir", "write_beir"]


def read_beir(folder: str | Path, *, fields: Iterable[str] = (), images: bool = False) -> Collection:
    """Read a BEIR folder. A passage's title and text are joined by a space.

    Args:
        fields: ``query.NAME`` and ``passage.NAME``: what else to read of a line, from its own keys or its ``metadata``.
        images: read what passages have under ``image``: a path, which starts at `folder`, or a ``data:`` URI.

    Raises:
        MenuraError: a file is missing or a line is not what it should be (bad JSON, an id or text that is no string,
            a duplicate id, a grade that is no whole number), with the file and the line; or see `Collection`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MenuraError(f"[collections] there is no BEIR folder at {folder}.")
    found: Fields = {name: {} for name in fields}
    pictures: dict[str, Image] = {}
    corpus = gather_texts(
        json_lines(folder / "corpus.jsonl"),
        fields_of_side(found, "passage"),
        images=pictures if images else None,
        folder=folder,
    )
    queries = gather_texts(json_lines(folder / "queries.jsonl"), fields_of_side(found, "query"))
    qrels = {path.stem: gather_judgements(_judgements(path)) for path in sorted((folder / "qrels").glob("*.tsv"))}
    if not qrels:
        raise MenuraError(f"[collections] {folder} has no judgements; expected qrels/train.tsv, qrels/test.tsv, ...")
    return Collection(folder.name, corpus, queries, qrels, found, pictures)


def write_beir(collection: Collection, folder: str | Path) -> None:
    """Write `collection` as a BEIR folder, its fields as ``metadata`` and its images into `images/`.

    Raises:
        MenuraError: the folder cannot be written.
    """
    folder = Path(folder)
    try:
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
        for name, side, texts in (
            ("corpus", "passage", collection.corpus),
            ("queries", "query", collection.queries),
        ):
            fields = fields_of_side(collection.fields, side)
            with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
                for identifier, text in texts.items():
                    row: dict[str, Any] = {"_id": identifier, "text": text}
                    metadata = {field: values[identifier] for field, values in fields.items() if identifier in values}
                    if metadata:
                        row["metadata"] = metadata
                    if side == "passage" and identifier in collection.images:
                        row["image"] = _write_image(collection.images[identifier], folder)
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
        for split, judgements in collection.qrels.items():
            with (folder / "qrels" / f"{split}.tsv").open("w", encoding="utf-8") as file:
                file.write("query-id\tcorpus-id\tscore\n")
                for query_id, grades in judgements.items():
                    file.writelines(f"{query_id}\t{passage_id}\t{grade}\n" for passage_id, grade in grades.items())
    except OSError as error:
        raise MenuraError(f"[collections] cannot write {folder}: {error.strerror}.") from error


def _write_image(image: Image, folder: Path) -> str:
    """The path in `folder` under which it lies now."""
    name = f"images/{image.digest.hex()}.{image.open().format.lower()}"
    (folder / "images").mkdir(exist_ok=True)
    (folder / name).write_bytes(image.content)
    return name


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
