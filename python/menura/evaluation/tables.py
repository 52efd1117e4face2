"""How a report's table looks, in a terminal and on a page."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

__all__ = ["markdown_table", "terminal_table"]


def terminal_table(title: str, captions: Sequence[str]) -> Table:
    """A table without columns yet, between its title and its captions."""
    return Table(
        title=title,
        title_justify="left",
        caption="\n".join(captions),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )


def markdown_table(title: str, cells: Sequence[Sequence[str]], captions: Sequence[str], *, texts: int = 1) -> str:
    """The header and rows of `cells`; all columns after the first `texts` hold numbers."""
    header, *rows = cells
    lines = [header, ["---"] * texts + ["---:"] * (len(header) - texts), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([f"{title}:", table, " ".join(captions)]) + "\n"
