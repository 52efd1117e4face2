"""Progress bars with rate and time left, for work that takes long."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

__all__ = ["console", "progress_bar", "step", "track"]

T = TypeVar("T")

console = Console(stderr=True)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        unit = task.fields.get("unit", "it")
        return Text(f"{speed:,.1f} {unit}/s" if speed else f"- {unit}/s", style="cyan")


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar on standard error: done of total, rate, elapsed and remaining time."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        yield progress


def track(items: Iterable[T], description: str, *, total: int, unit: str = "it") -> Iterator[T]:
    """Yield `items` under a progress bar of `total` steps, each counted as one `unit`."""
    with progress_bar() as progress:
        task = progress.add_task(description, total=total, unit=unit)
        for item in items:
            yield item
            progress.advance(task)


@contextmanager
def step(name: str) -> Iterator[Any]:
    """Print one line when the step is done: its name, what it says, and the time."""
    started = time.perf_counter()
    said: list[str] = []
    yield said.append
    line = f"[bold green]✓[/] {name}: {escape(' '.join(said))} ({time.perf_counter() - started:.1f} s)"
    console.print(line, highlight=False, soft_wrap=True)
