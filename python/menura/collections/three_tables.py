"""Collections beside a table of teacher scores: `queries` and `documents` (or `corpus`), as LightOn publishes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from menura.collections.collection import Collection
from menura.collections.images import Image
from menura.collections.rows import gather_texts
from menura.errors import MenuraError
from menura.files import Ids, Row, rows, table_files

__all__ = ["is_three_tables", "read_three_tables"]

DOCUMENTS = ("documents", "corpus")


def is_three_tables(folder: Path) -> bool:
    """Whether `folder` holds both tables of texts."""
    return bool(table_files(folder, "queries") and table_files(folder, *DOCUMENTS))


def read_three_tables(folder: str | Path, *, images: bool = False) -> Collection:
    """Read the texts of passages and queries, Parquet or JSON lines; nothing is judged.

    The id stands in the column that is called `id` or ends in `_id`, the text in the only other one or in `text`. Ids
    of any one type become strings.

    Args:
        images: read what passages have in the column ``image``: a path, which starts at `folder`, or bytes.

    Raises:
        MenuraError: a table is missing or a row is not what it should be, with its place; or see `Collection`.
    """
    folder = Path(folder)
    texts = {}
    pictures: dict[str, Image] = {}
    for kind, names in (("query", ("queries",)), ("passage", DOCUMENTS)):
        files = table_files(folder, *names)
        if not files:
            raise MenuraError(f"[collections] {folder} holds no table {' or '.join(names)}.")
        found = _texts((row for file in files for row in rows(file)), Ids(kind))
        wanted = pictures if images and kind == "passage" else None
        texts[kind] = gather_texts(found, images=wanted, folder=folder)
    return Collection(folder.name, texts["passage"], texts["query"], {}, images=pictures)


def _texts(found: Iterable[Row], ids: Ids) -> Iterator[tuple[str, Any]]:
    for row in found:
        names = [name for name in row.values if name == "id" or name.endswith("_id")]
        others = [name for name in row.values if name not in (*names, "image")]
        column = "text" if "text" in others else others[0] if len(others) == 1 else None
        if len(names) != 1 or column is None:
            raise row.fault("expected a column of ids, called 'id' or '..._id', and one of texts, called 'text'")
        title = row.values.get("title")
        identifier, image = ids.one(row.value(names[0]), row.place), row.values.get("image")
        yield row.place, {"_id": identifier, "text": row.values[column], "title": title, "image": image}
