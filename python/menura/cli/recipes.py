"""`menura recipes`: the ways to distil that come with the package."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["recipes"]


def recipes() -> None:
    """List the shipped recipes, for `menura run`."""
    from menura.recipe import shipped_recipes

    table = Table(show_header=False, box=box.SIMPLE)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, description in shipped_recipes().items():
        table.add_row(name, description)
    Console().print(table, markup=False)
