"""Somebody's way to do a task: ours, plain PyTorch's, another library's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from menura.bench.step import Step
from menura.bench.workload import Task

__all__ = ["Provider", "UnsupportedError"]


class UnsupportedError(Exception):
    """A provider cannot do this workload; the message says why."""


@dataclass(frozen=True)
class Provider:
    """One way to do one task.

    Args:
        name: as the tables call it.
        task: what it does; `Workload.task` says on which inputs.
        bind: brings the inputs of a workload into the provider's own form, which is not timed, and returns the step
            that is. Raises `UnsupportedError` where it cannot do this workload, `ModuleNotFoundError` where its library
            is not installed.
        package: the distribution that it comes from.
    """

    name: str
    task: Task
    bind: Callable[..., Step]
    package: str
