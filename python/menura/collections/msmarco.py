"""MS MARCO folders: `collection.tsv`, `queries*.tsv`, `qrels*.tsv` (Bajaj et al. 2016, arXiv 1611.09268)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from menura.collections.collection import Collection
from menura.collections.rows import gather_texts
from menura.collections.trec import read_trec_qrels
from menura.errors import MenuraError
from menura.files import lines

__all__ = ["is_msmarco", "read_msmarco"]


def is_msmarco(folder: Path) -> bool:
    """Whether `folder` holds a `collection.tsv`, packed or not."""
    return bool(_files(folder, "collection"))


def read_msmarco(folder: str | Path) -> Collection:
    """Read `id, text` of passages and queries, and TREC judgements; `.gz` is unpacked on the way.

    Queries and judgements may come in several files: `qrels.SPLIT.tsv` is the split ``SPLIT``, as in ``train`` or
    ``dev.small``; a file of judgements without it is ``test``.

    Raises:
        MenuraError: a file is missing or a line is not what it should be, with the file and the line; or see
            `Collection`.
    """
    folder = Path(folder)
    texts = {}
    for name in ("collection", "queries"):
        found = _files(folder, name)
        if not found:
            raise MenuraError(f"[collections] {folder / name}.tsv is missing.")
        texts[name] = gather_texts(row for path in found for row in _texts(path))
    qrels = {_split(path): read_trec_qrels(path) for path in _files(folder, "qrels")}
    return Collection(folder.name, texts["collection"], texts["queries"], qrels)


def _files(folder: Path, name: str) -> list[Path]:
    return sorted(path for pattern in (f"{name}.*tsv", f"{name}.*tsv.gz") for path in folder.glob(pattern))


def _split(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix("tsv").removeprefix("qrels").strip(".") or "test"


def _texts(path: Path) -> Iterator[tuple[str, Any]]:
    for place, line in lines(path):
        identifier, tab, text = line.partition("\t")
        if not tab or not identifier:
            raise MenuraError(f"[collections] {place}: expected an id and a text, a tab between; got {line[:80]!r}.")
        yield place, {"_id": identifier, "text": text}
