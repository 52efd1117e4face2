"""From a recipe's `collection` section to the collection itself."""

from __future__ import annotations

from pathlib import Path

from menura.collections.beir import read_beir
from menura.collections.collection import Collection
from menura.collections.docstrings import docstring_collection
from menura.collections.hub import read_hub
from menura.recipe import CollectionSettings

__all__ = ["open_collection"]


def open_collection(settings: CollectionSettings, *, seed: int) -> Collection:
    """Open and sample the collection that `settings.source` names.

    ``docstrings``; else a BEIR folder if a folder of that name is there or the name looks like a path; else a data
    set of the hub.

    Raises:
        MenuraError: it cannot be read, or breaks a contract of `Collection`.
    """
    source = settings.source
    if source == "docstrings":
        collection = docstring_collection(max_passages=settings.max_passages, max_words=settings.docstring_words)
    elif Path(source).is_dir() or source.startswith(("/", ".", "~")):
        collection = read_beir(Path(source).expanduser())
    else:
        collection = read_hub(source)
    return collection.sample(
        passages=settings.max_passages,
        train_queries=settings.max_train_queries,
        test_queries=settings.max_test_queries,
        seed=seed,
    )
