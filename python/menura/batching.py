"""Batches of texts of like length, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from menura.progress import progress_bar

__all__ = ["length_groups", "length_sorted_batches", "length_sorted_blocks", "token_budget_batches"]


def length_sorted_batches(texts: Sequence[str], batch_size: int, description: str) -> Iterator[list[int]]:
    """Indices of `texts`, `batch_size` at a time, longest first, under a progress bar."""
    with progress_bar() as progress:
        task = progress.add_task(description, total=len(texts), unit="texts")
        for batch in length_sorted_blocks([len(text) for text in texts], batch_size):
            yield batch
            progress.advance(task, len(batch))


def length_sorted_blocks(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Indices of rows of like `lengths`, `size` at a time, longest first."""
    order = _longest_first(lengths)
    for start in range(0, len(order), size):
        yield order[start : start + size]


def token_budget_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices of rows of like `lengths`; a batch, padded to its longest row, holds at most `budget` tokens.

    A row that is longer than the budget gets a batch of its own.
    """
    order = _longest_first(lengths)
    start = 0
    while start < len(order):
        rows = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + rows]
        start += rows


def length_groups(lengths: Sequence[int], padding: int) -> Iterator[list[int]]:
    """Indices of rows of like `lengths`; a group, padded to its longest row, holds at most `padding` tokens of it."""
    group: list[int] = []
    spent = 0
    for row in _longest_first(lengths):
        wanted = lengths[group[0]] - lengths[row] if group else 0
        if spent + wanted > padding:
            yield group
            group, spent, wanted = [], 0, 0
        group.append(row)
        spent += wanted
    if group:
        yield group


def _longest_first(lengths: Sequence[int]) -> list[int]:
    return sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
