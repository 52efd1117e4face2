"""From texts to batches: tokenized once, sorted by tokens, padded no further than to the longest of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import torch

from menura.batching import length_sorted_blocks, token_budget_batches

__all__ = ["Pair", "encoded_batches", "usual_batch_tokens"]

Pair = tuple[str, str]
Features = TypeVar("Features", covariant=True)

# Tokens of so many pairs are held at a time.
BLOCK = 4096


class Encoding(Protocol[Features]):
    """The tokens of some pairs, not padded yet."""

    @property
    def lengths(self) -> list[int]: ...

    def batch(self, rows: list[int]) -> Features: ...


def encoded_batches(
    pairs: Sequence[Pair], encode: Callable[[list[Pair]], Encoding[Features]], budget: int
) -> Iterator[tuple[list[int], Features]]:
    """What `encode` makes of `pairs`, in batches of at most `budget` padded tokens, with the indices of their pairs.

    Longest first: memory peaks at once or never, and each batch fits where the one before it was.
    """
    for block in length_sorted_blocks([len(query) + len(passage) for query, passage in pairs], BLOCK):
        encoding = encode([pairs[i] for i in block])
        for rows in token_budget_batches(encoding.lengths, budget):
            yield [block[row] for row in rows], encoding.batch(rows)


def usual_batch_tokens(device: torch.device) -> int:
    """Few on a CPU, so that a layer's output is still cached when the next one reads it; many keep a GPU busy."""
    return 2048 if device.type == "cpu" else 32768
