"""Hub data sets in BEIR's layout: the configurations `corpus`, `queries`, and the judgements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from menura.collections.collection import Collection, Fields, Qrels
from menura.collections.fields import fields_of_side
from menura.collections.images import Image
from menura.collections.rows import gather_judgements, gather_texts
from menura.errors import MenuraError

__all__ = ["read_hub"]


def read_hub(name: str, *, fields: Iterable[str] = (), images: bool = False) -> Collection:
    """Read `corpus {_id, title, text}`, `queries {_id, text}` and the judgements `{query-id, corpus-id, score}`.

    The judgements are looked for in `name` itself (configuration ``qrels`` or ``default``) and in ``name-qrels``.
    Ids of any type become strings, on both sides.

    Args:
        fields: ``query.NAME`` and ``passage.NAME``: which other columns to read, or keys of a ``metadata`` column.
        images: read the corpus's column ``image``.

    Raises:
        MenuraError: the data set cannot be loaded, or a row is not what it should be, with its number;
            or see `Collection`.
    """
    found: Fields = {field: {} for field in fields}
    pictures: dict[str, Image] = {}
    wanted = pictures if images else None
    corpus = gather_texts(_texts(name, "corpus", images=images), fields_of_side(found, "passage"), images=wanted)
    queries = gather_texts(_texts(name, "queries"), fields_of_side(found, "query"))
    return Collection(name, corpus, queries, _read_qrels(name), found, pictures)


def _read_qrels(name: str) -> dict[str, Qrels]:
    problems = []
    for dataset, configuration in ((name, "qrels"), (name, "default"), (f"{name}-qrels", "default")):
        try:
            splits = _load(dataset, configuration)
            return {split: gather_judgements(_judgements(f"{dataset}/{split}", splits[split])) for split in splits}
        except MenuraError as error:
            problems.append(str(error))
    raise MenuraError(f"[collections] no judgements found for {name}: {' '.join(problems)}")


def _texts(name: str, configuration: str, *, images: bool = False) -> Iterator[tuple[str, Any]]:
    import datasets

    splits = _load(name, configuration)
    rows = splits[configuration] if configuration in splits else next(iter(splits.values()))
    if images and "image" in rows.column_names:
        rows = rows.cast_column("image", datasets.Image(decode=False))
    for number, row in enumerate(rows, start=1):
        yield f"{name}/{configuration} row {number}", {**row, "_id": str(row["_id"])} if "_id" in row else row


def _judgements(place: str, rows: Any) -> Iterator[tuple[str, str, str, Any]]:
    for number, row in enumerate(rows, start=1):
        where = f"{place} row {number}"
        if not row.keys() >= {"query-id", "corpus-id", "score"}:
            raise MenuraError(
                f"[collections] {where}: expected the columns query-id, corpus-id and score; got {', '.join(row)}."
            )
        yield where, str(row["query-id"]), str(row["corpus-id"]), row["score"]


def _load(name: str, configuration: str) -> Any:
    from datasets import load_dataset

    try:
        return load_dataset(name, configuration)
    except Exception as error:  # the hub client raises many kinds: offline, missing, gated, malformed
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MenuraError(
            f"[collections] {name!r} is neither a folder here nor a hub data set that could be loaded "
            f"(configuration {configuration!r}): {reason}"
        ) from error
