"""`menura key`: what an answer key holds, and what may go."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from menura.errors import MenuraError

if TYPE_CHECKING:
    from menura.answer_key.overview import TeacherOverview
    from menura.evaluation.difference import Difference

__all__ = ["key"]

key = typer.Typer(help="Look into an answer key, compare its teachers, clean it up.", no_args_is_help=True)

KeyArgument = Annotated[str, typer.Argument(help="The folder of an answer key, or its URI in an object store.")]


# Of a text, so many characters.
SHOWN = 150
# Foreign texts are no markup.
PLAIN: Any = {"markup": False, "highlight": False, "soft_wrap": True}


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
def diff(
    location: KeyArgument,
    first: Annotated[str, typer.Argument(help="The fingerprint of the teacher so far.")],
    second: Annotated[str, typer.Argument(help="The fingerprint of the new one.")],
    collection: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--collection", help="Where the texts are: a folder or hub name; without it, hashes are shown."),
    ] = None,
    queries: Annotated[
        int, typer.Option(min=0, help="Compare on at most so many queries, always the same; 0: on all.")
    ] = 10_000,
    worst: Annotated[int, typer.Option(min=0, help="Tell of so many queries that changed most.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what a new teacher changed: rank correlation, flipped pairs, the queries that changed most."""
    from menura.answer_key import AnswerKey
    from menura.evaluation.difference import difference

    opened = AnswerKey(location, create=False)
    found = difference(opened, first, second, queries=queries or None, worst=worst)
    if as_json:
        print(json.dumps(asdict(found), indent=1))
        return
    console = Console()
    console.print(_difference(found))
    texts = {} if collection is None else _texts_by_hash(collection)
    for changed in found.worst:
        console.print(f"tau {changed.tau_b:+.2f}, {changed.passages} passages: {_shown(texts, changed.query)}", **PLAIN)
        console.print(f"  first prefers  {_shown(texts, changed.first_favourite)}", **PLAIN)
        console.print(f"  second prefers {_shown(texts, changed.second_favourite)}", **PLAIN)


@key.command()
def gc(
    location: KeyArgument,
    forget: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--forget", help="Delete the scores of the teacher of this fingerprint; may be repeated."),
    ] = None,
    hours: Annotated[
        int, typer.Option(min=0, help="Keep files younger than so many hours: somebody may still read or write them.")
    ] = 168,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Merge small files and remove those that no longer belong to the key."""
    from menura.answer_key import AnswerKey
    from menura.answer_key.overview import overview

    opened = AnswerKey(location, create=False)
    console = Console()
    for teacher in forget or []:
        parts = {part.teacher: part.scores for part in overview(opened)}
        if teacher not in parts:
            raise MenuraError(f"[key] there is no teacher {teacher!r}; there are: {', '.join(parts) or 'none'}.")
        count = parts[teacher]
        if not dry_run:
            opened.forget(teacher)
        console.print(f"{teacher}: {count:,} scores {'would be ' if dry_run else ''}deleted", highlight=False)
    if not dry_run:
        opened.compact()
    removed = opened.vacuum(older_than=timedelta(hours=hours), dry_run=dry_run)
    console.print(f"{len(removed):,} files {'would be ' if dry_run else ''}removed", highlight=False)


def _difference(found: Difference) -> Table:
    table = Table(show_header=False, box=box.SIMPLE, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    agreed = found.agreement
    table.add_row("Pairs scored by both", f"{found.both:,} of {found.queries:,} queries")
    table.add_row("by the first alone", f"{found.only_first:,}")
    table.add_row("by the second alone", f"{found.only_second:,}")
    for name, estimate in (
        ("Kendall's tau-b", agreed.tau_b),
        ("tau-AP, the top counts more", agreed.tau_ap),
        ("Spearman", agreed.spearman),
        ("Flipped couples of passages", agreed.flipped),
    ):
        interval = "" if estimate.low is None else f"  [{estimate.low:.3f}, {estimate.high:.3f}]"
        table.add_row(name, f"{estimate.value:.3f}{interval}")
    if agreed.undefined:
        table.add_row("Queries left out", f"{agreed.undefined:,}, with nothing to order")
    return table


def _texts_by_hash(source: str) -> dict[str, str]:
    from menura.answer_key import text_hash
    from menura.collections import read_collection

    collection = read_collection(source)
    return {text_hash(text).hex(): text for texts in (collection.queries, collection.corpus) for text in texts.values()}


def _shown(texts: dict[str, str], name: str) -> str:
    text = " ".join(texts.get(name, name).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


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
            escape(teacher.details.get("model", "")),
            teacher.teacher,
            *(f"{number:,}" for number in numbers),
            decimal(teacher.size),
            *("" if moment is None else f"{moment:%Y-%m-%d %H:%M}" for moment in moments),
        )
    return table
