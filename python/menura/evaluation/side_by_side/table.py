"""The comparison as a table: for a terminal, a page or a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from menura.evaluation.metrics import METRICS
from menura.evaluation.report import COMPARED, NOTHING, p_value
from menura.evaluation.side_by_side.comparing import Compared, compare_outputs
from menura.evaluation.side_by_side.finished import Finished
from menura.evaluation.significance import PERMUTATIONS
from menura.evaluation.tables import markdown_table, terminal_table
from menura.files import whole_file, write_csv

__all__ = ["SideBySide"]


@dataclass(frozen=True)
class SideBySide:
    """The rows of a comparison, under what they were measured on."""

    first: str
    collection: str
    passages: int
    queries: int
    rows: list[Compared]

    @classmethod
    def of(cls, groups: Mapping[str, Sequence[Finished]]) -> SideBySide:
        """Compare the outputs of `group_outputs`."""
        first = next(iter(groups))
        output = groups[first][0]
        return cls(first, output.collection, output.passages, output.queries, compare_outputs(groups))

    def records(self) -> list[dict[str, Any]]:
        """One flat record per row, figures in full; None where there is no such figure."""
        return [_record(row) for row in self.rows]

    def table(self) -> Table:
        """For a terminal."""
        table = terminal_table(self._title(), self._captions())
        header, *rows = self._cells()
        for number, title in enumerate(header):
            text = number < 2
            table.add_column(title, justify="left" if text else "right", no_wrap=not text, overflow="fold")
        for cells in rows:
            table.add_row(*cells)
        return table

    def markdown(self) -> str:
        """For a page."""
        return markdown_table(self._title(), self._cells(), self._captions(), texts=2)

    def write(self, folder: Path) -> None:
        """Write ``comparison.csv`` and ``comparison.md``.

        Raises:
            MenuraError: the folder cannot be written.
        """
        write_csv(folder / "comparison.csv", self.records())
        with whole_file(folder / "comparison.md") as unfinished:
            unfinished.write_text(self.markdown(), encoding="utf-8")

    @property
    def _seeds(self) -> int:
        return max(row.seeds for row in self.rows)

    def _cells(self) -> list[list[str]]:
        seeds = self._seeds > 1
        header = ["System", "Output", *METRICS, "95 % of queries", "95 % of seeds", "Difference", "95 %", "p", "p Holm"]
        cells = [header if seeds else [title for title in header if title != "95 % of seeds"]]
        for row in self.rows:
            difference = row.difference
            cells.append(
                [
                    row.system,
                    row.output,
                    *(f"{row.averages[metric]:.3f}" for metric in METRICS),
                    _interval(row.over_queries.low, row.over_queries.high),
                    *([_interval(*(row.over_seeds or (None, None)))] if seeds else []),
                    NOTHING if difference is None else f"{difference.value:+.3f}",
                    NOTHING if difference is None else _interval(difference.low, difference.high, "+"),
                    p_value(row.p),
                    p_value(row.p_holm),
                ]
            )
        return cells

    def _title(self) -> str:
        measured = f"{self.queries} held-out queries over {self.passages:,} passages of {self.collection}"
        return f"{measured}, each output against {self.first}"

    def _captions(self) -> list[str]:
        compared = sum(row.p is not None for row in self.rows)
        seeds = f" Means of {self._seeds} seeds; 95 % of seeds: Student's t." if self._seeds > 1 else ""
        return [
            f"95 %: of {COMPARED} and its difference, bootstrap over queries.{seeds}",
            f"p: two-sided paired randomization test on {COMPARED}, {PERMUTATIONS:,} swappings; Holm: corrected for "
            f"{compared} comparisons.",
        ]


def _record(row: Compared) -> dict[str, Any]:
    seeds, difference = row.over_seeds or (None, None), row.difference
    return {
        "system": row.system,
        "output": row.output,
        "seeds": row.seeds,
        **row.averages,
        "queries_low": row.over_queries.low,
        "queries_high": row.over_queries.high,
        "seeds_low": seeds[0],
        "seeds_high": seeds[1],
        "difference": None if difference is None else difference.value,
        "difference_low": None if difference is None else difference.low,
        "difference_high": None if difference is None else difference.high,
        "p": row.p,
        "p_holm": row.p_holm,
    }


def _interval(low: float | None, high: float | None, sign: str = "") -> str:
    return NOTHING if low is None or high is None else f"{low:{sign}.3f} to {high:{sign}.3f}"
