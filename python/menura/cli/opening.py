"""What the commands share: their options, and a recipe opened as a pipeline."""

from __future__ import annotations

import logging
import os
import warnings
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from menura.errors import MenuraError

if TYPE_CHECKING:
    from menura.pipeline import Pipeline

__all__ = ["CollectionOption", "OutputOption", "RecipeArgument", "SetOption", "TeacherOption", "open_pipeline", "quiet"]

RecipeArgument = Annotated[str, typer.Argument(help="A YAML file, or the name of a shipped recipe; `menura recipes`.")]
OutputOption = Annotated[
    Optional[Path], typer.Option("--output", "-o", help="Where results go [default: runs/RECIPE].")  # noqa: UP045
]
CollectionOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--collection", help="A folder, hub name or ir_datasets:NAME, in place of the recipe's."),
]
TeacherOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--teacher", help="A finished cross-encoder by folder or hub name, in place of the recipe's."),
]
SetOption = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A value in place of the recipe's, as students.splade.trainer.epochs=2; repeats.",
    ),
]


def open_pipeline(
    recipe: str, output: Path | None, collection: str | None, teacher: str | None, settings: list[str] | None = None
) -> Pipeline:
    """The pipeline of `recipe`, with what the command line puts in the place of its own settings."""
    quiet()
    _join()
    from menura.pipeline import Pipeline
    from menura.recipe import load_recipe

    loaded = load_recipe(recipe, settings or ())
    if collection is not None:
        changed = loaded.collection.model_copy(update={"source": collection})
        loaded = loaded.model_copy(update={"collection": changed})
    if teacher is not None:
        if loaded.teacher is None:
            number = "several" if loaded.teachers else "none"
            raise MenuraError(f"[recipe] --teacher takes the place of one teacher, and the recipe has {number}.")
        others = {"finetune": None, "causal_lm": None, "function": None, "imported": None}
        finished = loaded.teacher.model_copy(update={"model": teacher, **others})
        loaded = loaded.model_copy(update={"teacher": finished})
    return Pipeline(loaded, output or Path("runs") / loaded.name)


def _join() -> None:
    """Among the processes of torchrun, take the GPU of this one's number; the first one speaks for all."""
    import torch

    from menura.launch import launched
    from menura.progress import console

    process = launched()
    if process is None:
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(process.local_rank)
    if not process.is_first:
        console.quiet = True
        logging.getLogger("menura").setLevel(logging.ERROR)


def quiet() -> None:
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
    warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
    # By transformers, of what sentence-transformers calls.
    warnings.filterwarnings("ignore", r"`(is_)?gradient_checkpointing(_enable)?` is deprecated", FutureWarning)
    # Not on the root logger, which would print other libraries' notices as if they were ours.
    ours = logging.StreamHandler()
    ours.setFormatter(logging.Formatter("menura: %(message)s"))
    logging.getLogger("menura").addHandler(ours)
