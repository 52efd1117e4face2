"""The figures for a terminal of eighty columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table

from menura.bench.cells import interval, number, percent
from menura.bench.comparison import Comparison, comparisons
from menura.bench.results import Figure

__all__ = ["notes", "tables"]


def tables(figures: Sequence[Figure]) -> Iterator[Table]:
    """One for each workload and precision."""
    for comparison in comparisons(figures):
        table = Table(
            title=f"{comparison.first.title}, {comparison.first.precision}",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            collapse_padding=True,
        )
        table.add_column("provider", no_wrap=True, min_width=24)
        for heading in ("ms", "p20 to p80", "kept", "peak", "MB", "times"):
            table.add_column(heading, justify="right", no_wrap=True)
        for figure in comparison.figures:
            table.add_row(*_cells(comparison, figure), style="bold" if figure is comparison.ours else None)
        yield table


def notes(figures: Sequence[Figure]) -> list[str]:
    """What else must be said, each thing once."""
    return list(dict.fromkeys(f"{figure.provider}: {figure.note}" for figure in figures if figure.note))


def _cells(comparison: Comparison, figure: Figure) -> list[str]:
    return [
        figure.provider,
        number(figure.median_ms),
        interval(figure.p20_ms, figure.p80_ms),
        f"{figure.kept}/{figure.taken}",
        percent(figure.fraction_of_peak),
        number(figure.peak_memory_mb),
        number(comparison.times(figure), 2),
    ]
