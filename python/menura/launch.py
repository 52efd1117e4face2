"""Processes that torchrun started together: which one this is, and doing once what all need."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch

__all__ = ["Process", "alone", "launched", "prepare_once"]

# What tells libraries that they are one of several.
LAUNCHER_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "ROLE_RANK")
# The first process may have to fine-tune a teacher meanwhile.
PATIENCE = timedelta(days=7)


@dataclass(frozen=True)
class Process:
    """One of `count`, the one of number `rank` from 0; `local_rank` counts those of this machine."""

    rank: int
    count: int
    local_rank: int


def launched() -> Process | None:
    """This process among those that torchrun started; None where it stands alone."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or "RANK" not in os.environ:
        return None
    return Process(int(os.environ["RANK"]), count, int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def alone() -> Iterator[None]:
    """Within it, libraries take this process for the only one, and train on their own."""
    hidden = {name: os.environ.pop(name) for name in LAUNCHER_VARIABLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def prepare_once(process: Process, prepare: Callable[[], None]) -> None:
    """Run `prepare` in the first process, then in the others, which find what it left."""
    if process.rank == 0:
        with alone():
            prepare()
    torch.distributed.init_process_group("gloo", timeout=PATIENCE)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
    if process.rank != 0:
        with alone():
            prepare()
