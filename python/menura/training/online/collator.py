"""Where a batch of ids becomes a batch of texts and scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

__all__ = ["OnlineCollator"]


class Batches(Protocol):
    """Whoever makes the rows of the next batch."""

    def batch(self, numbers: Sequence[int]) -> list[dict[str, Any]]: ...


class OnlineCollator:
    """In front of a trainer's own collator, which gets rows with texts and labels; other rows pass as they are."""

    def __init__(self, collator: Callable[[list[dict[str, Any]]], dict[str, Any]], examples: Batches) -> None:
        self._collator = collator
        self._examples = examples
        self.valid_label_columns = getattr(collator, "valid_label_columns", [])  # which the trainer asks for

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        if features and "row" in features[0]:
            features = self._examples.batch([feature["row"] for feature in features])
        return self._collator(features)
