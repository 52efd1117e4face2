"""A retrieval collection: passages, queries, and which passages answer which query."""

from __future__ import annotations

import random
from collections.abc import Collection as Container
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from menura.collections.images import Image
from menura.collections.passage import IllustratedPassage, Passage
from menura.errors import MenuraError

__all__ = ["Collection", "Fields", "Qrels"]

# query id -> passage id -> grade; relevant from 1 on
Qrels = dict[str, dict[str, int]]
# "query.NAME" or "passage.NAME" -> id -> value
Fields = dict[str, dict[str, str]]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Collection:
    """Texts by id, and judgements by split (``train``, ``dev``, ``test``).

    A passage may be blank, as some are in real collections: it can be found, and is never mined or scored. `fields`
    are those that were asked for of what else is known of a query or a passage; not every id needs to have a value.
    `images`, where they were asked for, stand beside passages, of which not every one needs to have one.

    Raises:
        MenuraError: the corpus is empty; a query is blank; or a judgement names a query or passage that is not there.
    """

    name: str
    corpus: dict[str, str]
    queries: dict[str, str]
    qrels: dict[str, Qrels]
    fields: Fields = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.corpus:
            raise MenuraError(f"[collections] {self.name}: the corpus is empty; nothing can be searched or mined.")
        for query_id, text in self.queries.items():
            if not text.strip():
                raise MenuraError(f"[collections] {self.name}: query {query_id!r} has no text.")
        for split, judgements in self.qrels.items():
            for query_id, grades in judgements.items():
                self._check_known(split, "query", query_id, self.queries)
                for passage_id in grades:
                    self._check_known(split, "passage", passage_id, self.corpus)

    def _check_known(self, split: str, kind: str, identifier: str, texts: dict[str, str]) -> None:
        if identifier not in texts:
            some = ", ".join(repr(known) for known in list(texts)[:3])
            raise MenuraError(
                f"[collections] {self.name}: the {split} judgements name {kind} {identifier!r}, which is not in the "
                f"collection; its {kind} ids look like {some}."
            )

    def passages(self, *, images: bool) -> Mapping[str, Passage]:
        """The corpus, with its images for who sees them."""
        return self._illustrated if images else self.corpus

    @cached_property
    def _illustrated(self) -> dict[str, Passage]:
        return {
            identifier: IllustratedPassage(text, self.images[identifier]) if identifier in self.images else text
            for identifier, text in self.corpus.items()
        }

    def split_queries(self, split: str) -> dict[str, str]:
        """The queries judged in `split`.

        Raises:
            MenuraError: the collection has no such split.
        """
        if split not in self.qrels:
            raise MenuraError(
                f"[collections] {self.name} has no split {split!r}; it has: {', '.join(self.qrels) or 'none'}."
            )
        return {query_id: self.queries[query_id] for query_id in self.qrels[split]}

    def sample(
        self, *, passages: int | None, train_queries: int | None, test_queries: int | None, seed: int
    ) -> Collection:
        """A smaller collection: some queries of each split, what is judged for them, and passages up to `passages`.

        `test_queries` limits every split that is held out, ``dev`` as well as ``test``. Judged passages are kept even
        where they alone are more than `passages`.
        """
        generator = random.Random(seed)
        qrels = {
            split: _sample_queries(judgements, train_queries if split == "train" else test_queries, generator)
            for split, judgements in self.qrels.items()
        }
        queries = {query_id: self.queries[query_id] for judgements in qrels.values() for query_id in judgements}
        corpus = self.corpus
        if passages is not None and passages < len(corpus):
            judged = {
                passage_id for judgements in qrels.values() for grades in judgements.values() for passage_id in grades
            }
            others = [passage_id for passage_id in corpus if passage_id not in judged]
            chosen = judged.union(generator.sample(others, max(0, passages - len(judged))))
            corpus = {passage_id: text for passage_id, text in corpus.items() if passage_id in chosen}
        fields = {
            name: _restrict(values, queries if name.startswith("query.") else corpus)
            for name, values in self.fields.items()
        }
        images = _restrict(self.images, corpus)
        return replace(self, corpus=corpus, queries=queries, qrels=qrels, fields=fields, images=images)


def _sample_queries(judgements: Qrels, limit: int | None, generator: random.Random) -> Qrels:
    if limit is None or limit >= len(judgements):
        return judgements
    return {query_id: judgements[query_id] for query_id in generator.sample(sorted(judgements), limit)}


def _restrict(values: dict[str, Value], kept: Container[str]) -> dict[str, Value]:
    return {identifier: value for identifier, value in values.items() if identifier in kept}
