"""Times of several providers in one process, in turn, so that a machine whose speed drifts slows them all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from menura.bench.contention import run_queue_waits, undisturbed

__all__ = ["Samples", "interleave"]

# Nanoseconds. A sample repeats its call for so long: waking the worker threads must not count for much.
SHORTEST_SAMPLE = 100_000_000
# Seconds before a sample, in which the worker threads of the provider before it stop spinning.
PAUSE = 0.005
# Rounds taken, at most, for every sample that is to be kept.
PATIENCE = 4


@dataclass
class Samples:
    """Milliseconds per call of the undisturbed samples, and how many samples were taken."""

    kept: list[float] = field(default_factory=list)
    taken: int = 0

    def percentile(self, percent: int) -> float | None:
        """None where nothing was kept."""
        if len(self.kept) < 2:
            return self.kept[0] if self.kept else None
        return statistics.quantiles(self.kept, n=100, method="inclusive")[percent - 1]


def interleave(
    calls: Mapping[str, Callable[[], object]],
    *,
    samples: int,
    sample: Callable[[Callable[[], object], Samples], None] | None = None,
) -> dict[str, Samples]:
    """Sample all `calls` in turn until each has `samples` undisturbed ones, or patience ends.

    `sample` times a call and notes what it took; None: by the host's clock, where other load is told apart.
    """
    sample = sample or _sample
    for call in calls.values():
        call()
    taken = {name: Samples() for name in calls}
    for order in _rotations(list(calls), PATIENCE * samples):
        for name in order:
            sample(calls[name], taken[name])
        if all(len(each.kept) >= samples for each in taken.values()):
            break
    return taken


def _rotations(names: list[str], rounds: int) -> Iterator[list[str]]:
    """The names once a round, each round beginning with another, so that none always follows the same one."""
    for start in range(rounds):
        start %= max(len(names), 1)
        yield names[start:] + names[:start]


def _sample(call: Callable[[], object], into: Samples) -> None:
    time.sleep(PAUSE)
    before = run_queue_waits()
    started, wall, repeats = time.perf_counter_ns(), 0, 0
    while wall < SHORTEST_SAMPLE:
        call()
        repeats += 1
        wall = time.perf_counter_ns() - started
    into.taken += 1
    if undisturbed(before, run_queue_waits(), wall):
        into.kept.append(wall / repeats / 1e6)
