"""Processes that torchrun started together: which one this is, and what they do one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import count
from typing import TYPE_CHECKING

from torch import distributed

from menura.errors import MenuraError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

__all__ = ["Process", "alone", "disband", "in_turn", "launched", "meet"]

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


def disband() -> bool:
    """Whether this process goes on, alone: the first does. All come here when they have done what they do together."""
    process = launched()
    if process is None:
        return True
    meet()
    if distributed.is_initialized():
        distributed.destroy_process_group()
    for name in LAUNCHER_VARIABLES:
        os.environ.pop(name, None)
    return process.is_first


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
