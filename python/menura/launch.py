"""Processes that torchrun started together: which one this is, and what they do one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import count, pairwise
from typing import TYPE_CHECKING, TypeVar

from torch import distributed

from menura.errors import MenuraError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

__all__ = ["ALONE", "Process", "alone", "disband", "exchange", "forget_the_launcher", "in_turn", "launched", "meet"]

Item = TypeVar("Item")

# What tells libraries that they are one of several.
LAUNCHER_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "ROLE_RANK")
# The first process may have to fine-tune a teacher meanwhile.
PATIENCE = timedelta(days=7)
DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class Process:
    """One of `count`, the one of number `rank` from 0; `local_rank` counts those of this machine."""

    rank: int
    count: int
    local_rank: int

    @property
    def is_first(self) -> bool:
        """Whether it is the one that does what is done once."""
        return self.rank == 0

    def parts(self, items: Sequence[Item]) -> list[Sequence[Item]]:
        """`items` cut into as many parts as there are processes, as even as can be; at its rank the process's own."""
        ends = [len(items) * number // self.count for number in range(self.count + 1)]
        return [items[start:end] for start, end in pairwise(ends)]


# The process of a program that nobody else takes part in.
ALONE = Process(0, 1, 0)


def launched() -> Process | None:
    """This process among those that torchrun started; None where it stands alone."""
    total = int(os.environ.get("WORLD_SIZE", "1"))
    if total == 1 or "RANK" not in os.environ:
        return None
    return Process(int(os.environ["RANK"]), total, int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def alone() -> Iterator[None]:
    """Within it, libraries take this process for the only one, and train on their own."""
    hidden = {name: os.environ.pop(name) for name in LAUNCHER_VARIABLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


@contextmanager
def in_turn() -> Iterator[None]:
    """The first process goes through the block, then the others, which find what it left; each of them alone.

    All have to come to the same blocks, in the same order. One within another is part of it.

    Raises:
        MenuraError: the first process failed in its turn.
    """
    process = launched()
    if process is None:
        yield
        return
    meeting = _meeting()
    turn = f"turn {next(meeting.numbers)}"
    if not process.is_first and meeting.store.get(turn).decode() == FAILED:
        raise MenuraError(f"[launch] process {process.rank} waited for the first one, which failed; see its error.")
    outcome = FAILED
    try:
        with alone():
            yield
        outcome = DONE
    finally:
        if process.is_first:
            meeting.store.set(turn, outcome)


def meet() -> None:
    """Wait until all processes have come here."""
    process = launched()
    if process is None:
        return
    meeting = _meeting()
    place = f"meeting {next(meeting.numbers)}"
    if meeting.store.add(f"{place}, present", 1) == process.count:
        meeting.store.set(place, DONE)
    meeting.store.get(place)


def exchange(give: Callable[[], bytes]) -> list[bytes]:
    """What every process gives, by their numbers. All have to come here, and each waits for the others.

    Raises:
        MenuraError: another process failed to give.
    """
    process = launched()
    if process is None:
        return [give()]
    store, number = _meeting().store, next(_meeting().numbers)
    places = [f"exchange {number}, from {rank}" for rank in range(process.count)]
    gift = FAILED.encode()
    try:
        gift = DONE.encode() + give()
    finally:
        store.set(places[process.rank], gift)  # type: ignore[arg-type]  # bytes are strings to it
    gifts = store.multi_get(places)
    read = f"exchange {number}, read"
    if store.add(read, 1) == process.count:  # there may be one a step
        for place in (*places, read):
            store.delete_key(place)
    failed = [rank for rank, given in enumerate(gifts) if given == FAILED.encode()]
    if failed:
        raise MenuraError(
            f"[launch] process {process.rank} waited for process {failed[0]}, which failed; see its error."
        )
    return [given.removeprefix(DONE.encode()) for given in gifts]


def disband() -> bool:
    """Whether this process goes on, alone: the first does. All come here when they have done what they do together."""
    process = launched()
    if process is None:
        return True
    meet()
    if distributed.is_initialized():
        distributed.destroy_process_group()
    forget_the_launcher()
    return process.is_first


def forget_the_launcher() -> None:
    """From here on this process, or one that it has started, is not one of several."""
    for name in LAUNCHER_VARIABLES:
        os.environ.pop(name, None)


@dataclass(frozen=True)
class _Meeting:
    """Where processes leave word for each other; it needs no process group, which would lose patience."""

    store: Store
    numbers: count[int]


@cache
def _meeting() -> _Meeting:
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    store, *_ = next(rendezvous("env://", timeout=PATIENCE))
    return _Meeting(PrefixStore("menura", store), count(1))
