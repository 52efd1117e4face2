"""The path from a recipe to trained students: `menura demo | mine | train | evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich.console import Console

from menura.cli.opening import CollectionOption, OutputOption, RecipeArgument, SetOption, TeacherOption, open_pipeline

if TYPE_CHECKING:
    from menura.pipeline import Pipeline

__all__ = ["demo", "evaluate", "mine", "train"]


def demo(
    output: OutputOption = None,
    collection: CollectionOption = None,
    teacher: TeacherOption = None,
    settings: SetOption = None,
) -> None:
    """Distil both students on this machine's docstrings, and print the table."""
    _evaluate(open_pipeline("demo", output, collection, teacher, settings))


def mine(
    recipe: RecipeArgument,
    output: OutputOption = None,
    collection: CollectionOption = None,
    settings: SetOption = None,
) -> None:
    """Mine hard negatives for the training queries."""
    _ = open_pipeline(recipe, output, collection, None, settings).candidates


def train(
    recipe: RecipeArgument,
    student: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--student", help="colbert or splade, or a mentor alone, as colbert_mentor [default: all of the recipe]."
        ),
    ] = None,
    output: OutputOption = None,
    collection: CollectionOption = None,
    teacher: TeacherOption = None,
    settings: SetOption = None,
) -> None:
    """Distil the students; under torchrun, by all processes together."""
    from menura.launch import disband

    pipeline = open_pipeline(recipe, output, collection, teacher, settings)
    for name in pipeline.students() if student is None else [student]:
        pipeline.train(name)
    disband()


def evaluate(
    recipe: RecipeArgument,
    output: OutputOption = None,
    collection: CollectionOption = None,
    teacher: TeacherOption = None,
    settings: SetOption = None,
) -> None:
    """Search the held-out queries with everything, and print the table."""
    _evaluate(open_pipeline(recipe, output, collection, teacher, settings))


def _evaluate(pipeline: Pipeline) -> None:
    from menura.launch import disband
    from menura.pipeline import evaluate

    pipeline.train_all()
    if not disband():
        return
    report = evaluate(pipeline)
    Console().print(report.table())
    Console().print(f"Written to {pipeline.output / 'report.md'}, .csv and .json.", highlight=False)
