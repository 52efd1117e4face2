"""Other people's files: `menura import | export | formats`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from menura.cli.opening import (
    CollectionOption,
    OutputOption,
    RecipeArgument,
    SetOption,
    TeacherOption,
    open_pipeline,
    quiet,
)

__all__ = ["export", "formats", "import_"]


def import_(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help="One of `menura formats`.")],
    source: Annotated[str, typer.Argument(help="A file, a folder, or a data set of the hub.")],
    key: Annotated[str, typer.Option("--key", help="The answer key, such as runs/demo/answer_key.")],
    teacher: Annotated[str, typer.Option("--teacher", help="What to call the teacher whose scores these are.")],
    collection: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--collection", help="Whose ids the file names: a folder, hub name or ir_datasets:NAME."),
    ] = None,
) -> None:
    """Take a file of somebody's scores into an answer key, as one more teacher."""
    quiet()
    from menura.answer_key import AnswerKey, import_scores
    from menura.answer_key.formats import Texts
    from menura.collections import read_collection

    opened = None if collection is None else read_collection(collection)
    texts = None if opened is None else Texts(opened.queries, opened.corpus)
    summary = import_scores(AnswerKey(key), format_name, source, texts, teacher_name=teacher)
    Console(stderr=True).print(
        f"{summary.read:,} pairs: {summary.known:,} known, {summary.added:,} added as teacher {summary.teacher} "
        f"({teacher}), in {summary.seconds:.1f} s",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def export(
    recipe: RecipeArgument,
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help="One of `menura formats`.")],
    target: Annotated[Path, typer.Argument(help="The file to write; for lighton the folder.")],
    negatives: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--negatives", min=1, help="Of every query; those with fewer are left out [default: all]."),
    ] = None,
    output: OutputOption = None,
    collection: CollectionOption = None,
    teacher: TeacherOption = None,
    settings: SetOption = None,
) -> None:
    """Write a recipe's candidates and their teacher's scores for another trainer."""
    open_pipeline(recipe, output, collection, teacher, settings).export(format_name, target, negatives=negatives)


def formats() -> None:
    """List the formats that can be imported and exported."""
    from menura.answer_key.formats import FORMATS

    table = Table(box=box.SIMPLE)
    for title in ("format", "holds", "of", "read", "write"):
        table.add_column(title, no_wrap=True)
    table.add_column("what it is", overflow="fold")
    for form in FORMATS.values():
        table.add_row(
            form.name,
            form.holds,
            form.identifies,
            "yes",
            "no" if form.write is None else "yes",
            form.description,
        )
    Console().print(table, markup=False)
