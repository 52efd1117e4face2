"""From ids to texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from menura.errors import MenuraError

__all__ = ["Texts"]


@dataclass(frozen=True)
class Texts:
    """The texts of a collection, by id.

    Raises:
        MenuraError: from both methods, where there is no such id, with the place that names it.
    """

    queries: Mapping[str, str]
    corpus: Mapping[str, str]

    def query(self, identifier: str, place: str) -> str:
        """The text of a query."""
        return _text(self.queries, "query", identifier, place)

    def passage(self, identifier: str, place: str) -> str:
        """The text of a passage."""
        return _text(self.corpus, "passage", identifier, place)


def _text(texts: Mapping[str, str], kind: str, identifier: str, place: str) -> str:
    text = texts.get(identifier)
    if text is None:
        some = ", ".join(repr(known) for known, _ in zip(texts, range(3), strict=False))
        raise MenuraError(
            f"[formats] {place}: no {kind} of the collection has the id {identifier!r}; its {kind} ids look like "
            f"{some or 'nothing: it is empty'}."
        )
    return text
