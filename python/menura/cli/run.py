"""`menura run`: everything a recipe says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console

from menura.cli.opening import CollectionOption, OutputOption, RecipeArgument, SetOption, TeacherOption, open_pipeline

if TYPE_CHECKING:
    from menura.pipeline import Pipeline

__all__ = ["run"]

# How sentence-transformers loads each student.
CLASSES = {"colbert": "MultiVectorEncoder", "splade": "SparseEncoder"}


def run(
    recipe: RecipeArgument,
    output: OutputOption = None,
    collection: CollectionOption = None,
    teacher: TeacherOption = None,
    settings: SetOption = None,
) -> None:
    """Do all that a recipe says: mine, annotate, train, evaluate, and draw the teacher's report card.

    Under torchrun, all processes annotate and train together, and the first one measures.
    """
    pipeline = open_pipeline(recipe, output, collection, teacher, settings)
    from menura.launch import disband
    from menura.pipeline import evaluate, teacher_cards

    pipeline.train_all()
    if not disband():
        return
    console = Console()
    console.print(evaluate(pipeline).table())
    teachers = pipeline.recipe.all_teachers.values()
    # Whose scores were imported cannot be asked for the pairs of a card.
    cards = teacher_cards(pipeline) if teachers and not any(teacher.imported for teacher in teachers) else {}
    for line in [*_places(pipeline, [path.name for path in cards]), "", *_usage(pipeline)]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _places(pipeline: Pipeline, cards: list[str]) -> Iterator[str]:
    """Where everything lies."""
    yield f"In {pipeline.output}:"
    students = ", ".join(f"{path.relative_to(pipeline.output)}/" for path in pipeline.folders().values())
    yield f"  students      {students}"
    yield f"  measured      {', '.join(['report.md', 'report.csv', 'report_queries.csv', *cards])}"
    if pipeline.has_teacher:
        yield f"  answer key    {pipeline.recipe.answer_key or 'answer_key/'}"


def _usage(pipeline: Pipeline) -> Iterator[str]:
    """How to use the students."""
    folders = pipeline.folders()
    yield f"from sentence_transformers import {', '.join(CLASSES[student] for student in folders)}"
    for student, path in folders.items():
        yield f'{student} = {CLASSES[student]}("{path}")  # {student}.encode_query(texts), .encode_document(texts)'
