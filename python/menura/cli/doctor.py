"""`menura doctor`: what this machine and this installation can do."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["doctor"]


def doctor() -> None:
    """Say what this machine and this installation can do."""
    from menura.doctor import findings

    table = Table(show_header=False, box=box.SIMPLE)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for subject, state in findings():
        table.add_row(subject, Text(state))
    Console().print(table)
