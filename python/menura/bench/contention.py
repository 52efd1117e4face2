"""Whether a sample was disturbed: how long this process's threads stood in a run queue while it was taken.

The rule never looks at the sample's own time, and it is the same for every provider. It cannot tell the load of other
processes from a provider that starts more threads than it was given cores.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from menura.errors import MenuraError

__all__ = ["run_queue_waits", "undisturbed"]

TASKS = Path("/proc/self/task")
# Of a sample's wall time.
LARGEST_WAIT = 0.02


def run_queue_waits(tasks: Path = TASKS) -> dict[str, int]:
    """Nanoseconds that every thread of this process has waited on a run queue so far, by thread id.

    Raises:
        MenuraError: the kernel does not account for them.
    """
    waits, running = {}, 0
    for statistics in tasks.glob("*/schedstat"):
        try:
            on_cpu, waited, _ = map(int, statistics.read_text().split())
        except (FileNotFoundError, ProcessLookupError):  # the thread has just ended
            continue
        waits[statistics.parent.name] = waited
        running += on_cpu
    if not running:
        raise MenuraError(
            f"[bench] {tasks}/*/schedstat tells of no run-queue waits here; nothing can be timed honestly."
        )
    return waits


def undisturbed(before: Mapping[str, int], after: Mapping[str, int], wall: int) -> bool:
    """Whether the threads together waited less than 2 % of `wall` nanoseconds between two readings."""
    return sum(wait - before.get(thread, 0) for thread, wait in after.items()) < LARGEST_WAIT * wall
