"""The command line: `menura demo | mine | annotate | train | evaluate | bench | doctor`."""

from __future__ import annotations

import logging
import os
import sys
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

try:
    import typer
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from typer.core import TyperGroup
except ModuleNotFoundError as missing:
    print(f"error: {missing.name} is not installed; run: pip install 'menura[train]'", file=sys.stderr)
    raise SystemExit(2) from None

from menura.errors import MenuraError

if TYPE_CHECKING:
    from menura.pipeline import Pipeline, Student

__all__ = ["main"]


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        # Typer would end the process without a word.
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("interrupted; what was scored and saved is kept; the same command goes on from it.", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    help="Distil a cross-encoder teacher into ColBERT and SPLADE students.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RecipeArgument = Annotated[str, typer.Argument(help="A YAML file, or the name of a shipped recipe.")]
OutputOption = Annotated[
    Optional[Path], typer.Option("--output", "-o", help="Where results go [default: runs/RECIPE].")  # noqa: UP045
]
CollectionOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--collection", help="A BEIR folder or hub name, in place of the recipe's."),
]
TeacherOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--teacher", help="A finished cross-encoder by folder or hub name, in place of the recipe's."),
]


@app.command()
def demo(output: OutputOption = None, collection: CollectionOption = None, teacher: TeacherOption = None) -> None:
    """Distil both students on this machine's docstrings, and print the table."""
    _evaluate(_pipeline("demo", output, collection, teacher))


@app.command()
def mine(recipe: RecipeArgument, output: OutputOption = None, collection: CollectionOption = None) -> None:
    """Mine hard negatives for the training queries."""
    _ = _pipeline(recipe, output, collection, None).candidates


@app.command()
def annotate(
    recipe: RecipeArgument,
    output: OutputOption = None,
    collection: CollectionOption = None,
    teacher: TeacherOption = None,
) -> None:
    """Have the teacher score the candidates; what is known is not asked again."""
    _pipeline(recipe, output, collection, teacher).annotate()


@app.command()
def train(
    recipe: RecipeArgument,
    student: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--student", help="colbert or splade [default: all of the recipe]."),
    ] = None,
    output: OutputOption = None,
    collection: CollectionOption = None,
    teacher: TeacherOption = None,
) -> None:
    """Distil the students."""
    pipeline = _pipeline(recipe, output, collection, teacher)
    for name in pipeline.students() if student is None else [_student(student)]:
        pipeline.train(name)


@app.command()
def evaluate(
    recipe: RecipeArgument,
    output: OutputOption = None,
    collection: CollectionOption = None,
    teacher: TeacherOption = None,
) -> None:
    """Search the held-out queries with everything, and print the table."""
    _evaluate(_pipeline(recipe, output, collection, teacher))


@app.command()
def bench(
    only: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--only", help="Workloads whose name begins so."),
    ] = None,
    threads: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--threads", help="Threads for everybody [default: one per core]."),
    ] = None,
    samples: Annotated[int, typer.Option("--samples", help="Undisturbed samples of every provider.")] = 15,
    output: Annotated[Path, typer.Option("--output", "-o", help="The CSV; figures in it are renewed.")] = Path(
        "runs/bench.csv"
    ),
    joining: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--with", help="A Python file with further PROVIDERS, such as benchmarks/peers.py."),
    ] = None,
    sweep: Annotated[bool, typer.Option("--sweep", help="Other shapes, against plain PyTorch.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Tiny workloads: does everything run? Not to be quoted.")
    ] = False,
) -> None:
    """Measure the operators against plain PyTorch and sentence-transformers."""
    import torch

    from menura.bench import catalogue, terminal
    from menura.bench.benchmark import benchmark

    if sweep and quick:
        raise MenuraError("[bench] --sweep and --quick name different workloads; give one of them.")
    workloads = catalogue.other_shapes() if sweep else catalogue.tiny() if quick else catalogue.standard()
    figures = benchmark(
        catalogue.chosen(workloads, only),
        threads=torch.get_num_threads() if threads is None else threads,
        samples=samples,
        output=output,
        packages=["menura", "torch"] if sweep else None,
        weigh=not (sweep or quick),
        joining=joining,
    )
    for table in terminal.tables(figures):
        Console().print(table)
    for note in terminal.notes(figures):
        Console().print(note, highlight=False, markup=False)
    Console().print(f"Written to {output}.", highlight=False)


@app.command()
def doctor() -> None:
    """Say what this machine and this installation can do."""
    from menura.doctor import findings

    table = Table(show_header=False, box=box.SIMPLE)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for subject, state in findings():
        table.add_row(subject, state)
    Console().print(table)


def _pipeline(recipe: str, output: Path | None, collection: str | None, teacher: str | None) -> Pipeline:
    _quiet()
    from menura.pipeline import Pipeline
    from menura.recipe import load_recipe

    loaded = load_recipe(recipe)
    if collection is not None:
        changed = loaded.collection.model_copy(update={"source": collection})
        loaded = loaded.model_copy(update={"collection": changed})
    if teacher is not None:
        finished = loaded.teacher.model_copy(update={"model": teacher, "finetune": None})
        loaded = loaded.model_copy(update={"teacher": finished})
    return Pipeline(loaded, output or Path("runs") / loaded.name)


def _student(name: str) -> Student:
    if name == "colbert":
        return "colbert"
    if name == "splade":
        return "splade"
    raise MenuraError(f"[train] a student is colbert or splade; got {name!r}.")


def _evaluate(pipeline: Pipeline) -> None:
    report = pipeline.evaluate()
    Console().print(report.table())
    Console().print(f"Written to {pipeline.output / 'report.md'}, .csv and .json.", highlight=False)


def _quiet() -> None:
    """Silence the libraries' own bars and notices; ours say what happens."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from datasets import disable_progress_bars
    from tqdm import tqdm  # type: ignore[import-untyped]
    from transformers.utils import logging as transformers_logging

    disable_progress_bars()
    # TQDM_DISABLE is read when tqdm is imported, which torch does before us.
    tqdm.__init__ = partialmethod(tqdm.__init__, disable=True)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    # Not on the root logger, which would print other libraries' notices as if they were ours.
    ours = logging.StreamHandler()
    ours.setFormatter(logging.Formatter("menura: %(message)s"))
    logging.getLogger("menura").addHandler(ours)


def main() -> None:
    """Run the command line. What a user can mend is one line and exit code 2."""
    try:
        app()
    except MenuraError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed; run: pip install 'menura[train]'", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
