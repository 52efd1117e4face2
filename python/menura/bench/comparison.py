"""The figures of one workload side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from menura.bench.results import Figure

__all__ = ["Comparison", "comparisons"]


@dataclass(frozen=True)
class Comparison:
    """All providers under the same circumstances."""

    figures: Sequence[Figure]

    @property
    def first(self) -> Figure:
        """For what all have in common."""
        return self.figures[0]

    def of(self, package: str) -> list[Figure]:
        """The figures of one package."""
        return [figure for figure in self.figures if figure.package.split()[0] == package]

    def others(self, *packages: str) -> list[Figure]:
        """The figures of all packages but these."""
        return [figure for figure in self.figures if figure.package.split()[0] not in packages]

    @property
    def ours(self) -> Figure | None:
        """None where Menura took no part."""
        return next(iter(self.of("menura")), None)

    def times(self, figure: Figure) -> float | None:
        """How many times as long as Menura it takes."""
        ours = self.ours
        if ours is None or not ours.median_ms or not figure.median_ms:
            return None
        return figure.median_ms / ours.median_ms


def comparisons(figures: Iterable[Figure]) -> list[Comparison]:
    """One for each workload, precision, number of threads and machine, in the order of the figures."""
    groups: dict[tuple[str | int, ...], list[Figure]] = {}
    for figure in figures:
        machine = figure.machine
        circumstances = (figure.threads, machine.cpu, machine.isa, machine.allocator, machine.gpu)
        groups.setdefault((figure.workload, figure.precision, *circumstances), []).append(figure)
    return [Comparison(group) for group in groups.values()]
