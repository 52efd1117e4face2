"""Which passages are a query's positives, and where its negatives may come from."""

from __future__ import annotations

from menura.collections import Collection
from menura.recipe import MiningSettings

__all__ = ["mining_pool", "positives"]


def positives(collection: Collection, split: str, query_id: str) -> list[str]:
    """The relevant passages that have text."""
    grades = collection.qrels[split][query_id]
    return [passage_id for passage_id, grade in grades.items() if grade > 0 and collection.corpus[passage_id].strip()]


def mining_pool(collection: Collection, settings: MiningSettings, split: str = "train") -> dict[str, str]:
    """The passages that negatives may come from, by `settings.pool`."""
    if settings.pool == "corpus":
        return collection.corpus
    chosen = {
        passage_id for query_id in collection.qrels[split] for passage_id in positives(collection, split, query_id)
    }
    return {passage_id: text for passage_id, text in collection.corpus.items() if passage_id in chosen}
