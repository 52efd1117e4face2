"""Reports on what is there: `menura report teacher`."""

from __future__ import annotations

import typer
from rich.console import Console

from menura.cli.opening import CollectionOption, OutputOption, RecipeArgument, SetOption, TeacherOption, open_pipeline

__all__ = ["report"]

report = typer.Typer(help="Reports on what is there.", no_args_is_help=True)


@report.callback()
def _reports() -> None:
    # With a callback, a lone command keeps its name.
    pass


@report.command()
def teacher(
    recipe: RecipeArgument,
    output: OutputOption = None,
    collection: CollectionOption = None,
    teacher: TeacherOption = None,
    settings: SetOption = None,
) -> None:
    """Draw the teacher's report card: how far can it be trusted, before students copy it?"""
    pipeline = open_pipeline(recipe, output, collection, teacher, settings)
    from menura.evaluation.report_card import summary
    from menura.launch import disband
    from menura.pipeline import teacher_cards

    if not disband():
        return
    for path, card in teacher_cards(pipeline).items():
        Console().print(summary(card))
        Console().print(f"Written to {path} and .json.", highlight=False)
