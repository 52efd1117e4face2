"""Which rows each batch holds, known before it comes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler

__all__ = ["Schedule", "ScheduledBatchSampler"]


class Schedule:
    """The batches of all epochs, numbered from 0, as the trainer draws them: an epoch's order follows from its seed.

    Args:
        rows: how many there are.
        accumulation: batches of one optimizer step; an epoch's last step may have fewer.
    """

    def __init__(
        self, rows: int, batch_size: int, *, seed: int, drop_last: bool = False, accumulation: int = 1
    ) -> None:
        self.per_epoch = rows // batch_size if drop_last else math.ceil(rows / batch_size)
        self._rows = rows
        self._batch_size = batch_size
        self._seed = seed
        self._accumulation = accumulation
        self._order: tuple[int, list[int]] = (-1, [])

    def batch(self, number: int) -> list[int]:
        """The rows of a batch."""
        epoch, place = divmod(number, self.per_epoch)
        if self._order[0] != epoch:
            generator = torch.Generator().manual_seed(self._seed + epoch)
            self._order = epoch, torch.randperm(self._rows, generator=generator).tolist()
        return self._order[1][place * self._batch_size : (place + 1) * self._batch_size]

    def rows(self, start: int, end: int) -> list[int]:
        """The distinct rows of the batches from `start` up to `end`, in the order in which they first come."""
        return list(dict.fromkeys(row for number in range(start, end) for row in self.batch(number)))

    def first_batch(self, step: int) -> int:
        """The first batch of an optimizer step, counted from 0."""
        epoch, place = divmod(step, math.ceil(self.per_epoch / self._accumulation))
        return epoch * self.per_epoch + place * self._accumulation


class ScheduledBatchSampler(DefaultBatchSampler):
    """A batch sampler for sentence-transformers' trainers that keeps to the `Schedule`.

    It draws what the default draws under the same seed.
    """

    def __init__(self, dataset: Any, batch_size: int, drop_last: bool, **options: Any) -> None:
        super().__init__(dataset, batch_size, drop_last, **options)
        self._schedule = Schedule(len(dataset), batch_size, seed=self.seed, drop_last=drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        start = self.epoch * self._schedule.per_epoch
        for number in range(start, start + self._schedule.per_epoch):
            yield self._schedule.batch(number)
