"""Figures and their CSV: one row each, with all that it depends on."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from menura.bench.machine import Machine
from menura.errors import MenuraError

__all__ = ["Figure", "check_writable", "merge", "read", "write"]


@dataclass(frozen=True)
class Figure:
    """One provider on one workload. None: not measured, and `note` may say why.

    `gb_per_s` counts the fewest bytes: inputs read once, output and gradients written once.
    """

    workload: str
    title: str
    precision: str
    provider: str
    package: str
    threads: int
    median_ms: float | None
    p20_ms: float | None
    p80_ms: float | None
    kept: int
    taken: int
    gflop_per_s: float | None
    fraction_of_peak: float | None
    peak_memory_mb: float | None
    output_error: float | None
    gradient_error: float | None
    note: str
    machine: Machine
    gb_per_s: float | None = None
    fraction_of_bandwidth: float | None = None

    def identity(self) -> tuple[str | int, ...]:
        """Two figures with the same identity are the same measurement, taken twice."""
        machine = self.machine
        return (
            *(self.workload, self.precision, self.provider, self.threads),
            *(machine.cpu, machine.isa, machine.allocator, machine.gpu),
        )


COLUMNS = [field for field in fields(Figure) if field.name != "machine"]
HEADER = [field.name for field in (*COLUMNS, *fields(Machine))]
# Later than the first tables, which may lack them.
LATER = {field.name for field in (*COLUMNS, *fields(Machine)) if field.default is not MISSING}


def merge(old: Sequence[Figure], new: Sequence[Figure]) -> list[Figure]:
    """`new` in the place of what was measured before, the rest as it was."""
    merged = {figure.identity(): figure for figure in old}
    merged.update((figure.identity(), figure) for figure in new)
    return list(merged.values())


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write the CSV, figures to five digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for figure in figures:
            cells = {**{column.name: getattr(figure, column.name) for column in COLUMNS}, **asdict(figure.machine)}
            writer.writerow(map(_cell, cells.values()))


def read(path: Path) -> list[Figure]:
    """The figures of a CSV; none where there is no such file.

    Raises:
        MenuraError: it cannot be read, or is no table of ours.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            header, rows = reader.fieldnames, list(reader)
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise MenuraError(f"[bench] cannot read {path}: {error}.") from error
    if header is not None and not set(HEADER) - LATER <= set(header) <= set(HEADER):
        raise MenuraError(
            f"[bench] {path} is no table of benchmark figures; its columns should be {', '.join(HEADER)}."
        )
    return [_figure(row) for row in rows]


def check_writable(path: Path) -> None:
    """Fail before anything is measured for nothing.

    Raises:
        MenuraError: `path` cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        raise MenuraError(f"[bench] cannot write {path}: {error.strerror}.") from error


def _figure(row: dict[str, str]) -> Figure:
    own: dict[str, Any] = {column.name: _value(str(column.type), row.get(column.name, "")) for column in COLUMNS}
    return Figure(**own, machine=Machine(**{field.name: row.get(field.name, "") for field in fields(Machine)}))


def _value(kind: str, cell: str) -> str | int | float | None:
    if kind == "str":
        return cell
    if kind == "int":
        return int(cell)
    return float(cell) if cell else None


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
