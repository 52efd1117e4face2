"""`menura annotate`: the teachers answer, here, on several GPUs of one machine, or on a cluster."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, Optional

import typer

from menura.cli.opening import CollectionOption, OutputOption, RecipeArgument, SetOption, TeacherOption, open_pipeline
from menura.errors import MenuraError

__all__ = ["annotate"]


def annotate(
    recipe: RecipeArgument,
    output: OutputOption = None,
    collection: CollectionOption = None,
    teacher: TeacherOption = None,
    settings: SetOption = None,
    limit: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--limit", min=1, help="Score at most so many pairs now."),
    ] = None,
    shard: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--shard", help="Score one part of the pairs, such as 2/8; other machines score the others."),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option("--engine", help="ray: workers on the cluster that RAY_ADDRESS names.")
    ] = "local",
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--workers", min=1, help="At most so many Ray workers [default: one per GPU, or per CPU]."),
    ] = None,
) -> None:
    """Have the teachers score the candidates; what is known is not asked again.

    Under torchrun, every process scores its part, each on the GPU of its number.
    """
    from menura.answer_key import RayEngine, Share
    from menura.launch import launched

    share = None if shard is None else Share.parse(shard)
    if engine == "ray" and launched() is not None:
        raise MenuraError("[annotate] --engine ray starts its own workers; run it without torchrun.")
    pipeline = open_pipeline(recipe, output, collection, teacher, settings)
    pipeline.annotate(limit=limit, share=share, engine=partial(RayEngine, workers=workers) if engine == "ray" else None)
