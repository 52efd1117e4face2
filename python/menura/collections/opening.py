"""From a recipe's `collection` section, or a name, to the collection itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from menura.collections.beir import read_beir
from menura.collections.collection import Collection
from menura.collections.docstrings import docstring_collection, illustrated_docstrings
from menura.collections.fields import check_fields, with_id_fields
from menura.collections.hub import read_hub
from menura.collections.ir_dataset import read_ir_dataset
from menura.collections.msmarco import is_msmarco, read_msmarco
from menura.collections.three_tables import is_three_tables, read_three_tables
from menura.errors import MenuraError
from menura.files import locate
from menura.recipe import CollectionSettings

__all__ = ["open_collection", "read_collection"]

ILLUSTRATED, IR_DATASETS, TABLES = "illustrated:", "ir_datasets:", "tables:"


def open_collection(
    settings: CollectionSettings, *, seed: int, fields: Sequence[str] = (), images: bool = False
) -> Collection:
    """Open and sample the collection that `settings.source` names: ``docstrings``, or see `read_collection`.

    Args:
        fields: ``query.NAME`` and ``passage.NAME`` that are needed of its rows, or of its ids (`settings.id_fields`).
        images: whether its images are needed.

    Raises:
        MenuraError: it cannot be read, breaks a contract of `Collection`, or lacks a field or images.
    """
    if settings.source == "docstrings":
        collection = docstring_collection(max_passages=settings.max_passages, max_words=settings.docstring_words)
    else:
        columns = [name for name in fields if name not in settings.id_fields]
        collection = read_collection(settings.source, fields=columns, images=images)
    collection = with_id_fields(collection, settings.id_fields)
    check_fields(collection, fields)
    if images and not collection.images:
        raise MenuraError(
            f"[collections] a teacher is to see images, and no passage of {collection.name} has one; BEIR folders, "
            "tables and hub data sets have them in a column 'image'."
        )
    return collection.sample(
        passages=settings.max_passages,
        train_queries=settings.max_train_queries,
        test_queries=settings.max_test_queries,
        seed=seed,
    )


def read_collection(source: str, *, fields: Sequence[str] = (), images: bool = False) -> Collection:
    """The whole collection `source`.

    ``illustrated:NAME``, an installed package that ships images; ``ir_datasets:NAME``; ``tables:NAME``, tables of texts
    on the hub; else a folder, of BEIR's files, of MS MARCO's or of tables, if one of that name is there or the name
    looks like a path; else a data set of the hub.

    Args:
        fields: ``query.NAME`` and ``passage.NAME``; rows of BEIR folders and of hub data sets may have them.
        images: rows of these, and of tables, may have images, and all that is illustrated.

    Raises:
        MenuraError: it cannot be read, or breaks a contract of `Collection`.
    """
    if source.startswith(ILLUSTRATED):
        return illustrated_docstrings(source.removeprefix(ILLUSTRATED), images=images)
    if source.startswith(IR_DATASETS):
        return read_ir_dataset(source.removeprefix(IR_DATASETS))
    if source.startswith(TABLES):
        return read_three_tables(locate(source.removeprefix(TABLES)), images=images)
    if not Path(source).is_dir() and not source.startswith(("/", ".", "~")):
        return read_hub(source, fields=fields, images=images)
    folder = Path(source).expanduser()
    if not (folder / "corpus.jsonl").is_file():
        if is_msmarco(folder):
            return read_msmarco(folder)
        if is_three_tables(folder):
            return read_three_tables(folder, images=images)
    return read_beir(folder, fields=fields, images=images)
