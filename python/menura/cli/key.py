"""`menura key`: what an answer key holds, and what may go."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

if TYPE_CHECKING:
    from menura.answer_key.overview import TeacherOverview

__all__ = ["key"]

key = typer.Typer(help="Look into an answer key, compare its teachers, clean it up.", no_args_is_help=True)

KeyArgument = Annotated[str, typer.Argument(help="The folder of an answer key, or its URI in an object store.")]


@key.command()
def info(location: KeyArgument, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say which teachers have scored how much, when and with what."""
    from menura.answer_key import AnswerKey
    from menura.answer_key.overview import overview

    teachers = overview(AnswerKey(location, create=False))
    if as_json:
        print(json.dumps([asdict(teacher) for teacher in teachers], default=str, indent=1))
        return
    console = Console()
    console.print(_table(teachers))
    for teacher in teachers:
        console.print(f"[bold]{teacher.teacher}[/]", highlight=False)
        for name, value in teacher.details.items():
            console.print(f"  {name}: {value}", markup=False, highlight=False, soft_wrap=True)


@key.command()
def gc(
    location: KeyArgument,
    forget: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--forget", help="Delete the scores of the teacher of this fingerprint; may be repeated."),
    ] = None,
    hours: Annotated[
        int, typer.Option(min=0, help="Keep files that left the table later than so many hours ago: readers use them.")
    ] = 168,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Merge small files and remove those that no longer belong to the key."""
    from menura.answer_key import AnswerKey
    from menura.answer_key.overview import overview

    opened = AnswerKey(location, create=False)
    console = Console()
    for teacher in forget or []:
        count = next((part.scores for part in overview(opened) if part.teacher == teacher), 0)
        if not dry_run:
            opened.forget(teacher)
        console.print(f"{teacher}: {count:,} scores {'would be ' if dry_run else ''}deleted", highlight=False)
    if not dry_run:
        opened.compact()
    removed = opened.vacuum(older_than=timedelta(hours=hours), dry_run=dry_run)
    console.print(f"{len(removed):,} files {'would be ' if dry_run else ''}removed", highlight=False)


def _table(teachers: list[TeacherOverview]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("Teacher", overflow="fold")
    table.add_column("Fingerprint", no_wrap=True)
    for title in ("Scores", "Queries", "Passages", "Runs", "Size"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("First", no_wrap=True)
    table.add_column("Last", no_wrap=True)
    for teacher in teachers:
        numbers = (teacher.scores, teacher.queries, teacher.passages, teacher.runs)
        moments = (teacher.first, teacher.last)
        table.add_row(
            teacher.details.get("model", ""),
            teacher.teacher,
            *(f"{number:,}" for number in numbers),
            decimal(teacher.size),
            *("" if moment is None else f"{moment:%Y-%m-%d %H:%M}" for moment in moments),
        )
    return table
