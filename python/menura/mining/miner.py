"""What a miner is, and what a judge is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from menura.collections import Run
from menura.errors import MenuraError

__all__ = ["Judge", "Miner", "with_text"]


class Miner(Protocol):
    """Whoever finds passages: a search of ours, or anybody's."""

    def search(self, queries: Mapping[str, str], depth: int) -> Run:
        """Up to `depth` passages for each of `queries` (id -> text), best first; NaN where there is no score."""
        ...


class Judge(Protocol):
    """Whoever says how well given passages answer: most miners, or a teacher by what it has answered."""

    def score(self, queries: Mapping[str, str], passages: Mapping[str, Sequence[str]]) -> Run:
        """Query id -> passage id -> score, of the `passages` (ids by query id); what is not known is left out."""
        ...


def with_text(corpus: Mapping[str, str]) -> dict[str, str]:
    """The passages that are not blank.

    Raises:
        MenuraError: there are none.
    """
    passages = {passage_id: text for passage_id, text in corpus.items() if text.strip()}
    if not passages:
        raise MenuraError("[mining] there is nothing to embed: the corpus is empty or all blank.")
    return passages
