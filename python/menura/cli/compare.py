"""`menura compare`: finished outputs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console

__all__ = ["compare"]


def compare(
    outputs: Annotated[
        list[Path], typer.Argument(help="Folders that menura run or evaluate filled, the baseline first.")
    ],
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="Every so many folders in a row differ in their seed alone.")
    ] = 1,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", help="Where comparison.csv and comparison.md go [default: nowhere]."),
    ] = None,
) -> None:
    """Put the systems of finished outputs side by side, with paired significance.

    A student is repeated with another seed by --set students.NAME.trainer.seed=SEED and an --output of its own.
    """
    from menura.evaluation.side_by_side import SideBySide, group_outputs

    found = SideBySide.of(group_outputs(outputs, seeds))
    console = Console()
    console.print(found.table())
    if output is not None:
        found.write(output)
        console.print(f"Written to {output / 'comparison.md'} and .csv.", highlight=False)
