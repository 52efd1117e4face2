"""`menura annotate`: the teachers answer, here, on several GPUs of one machine, or on a cluster."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

from menura.cli.opening import CollectionOption, OutputOption, RecipeArgument, SetOption, TeacherOption, open_pipeline
from menura.errors import MenuraError

if TYPE_CHECKING:
    from menura.answer_key import Share
    from menura.launch import Process
    from menura.pipeline import Pipeline

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
    from menura.launch import alone, launched

    share = None if shard is None else Share.parse(shard)
    process = launched()
    if engine == "ray" and process is not None:
        raise MenuraError("[annotate] --engine ray starts its own workers; run it without torchrun.")
    pipeline = open_pipeline(recipe, output, collection, teacher, settings)
    if process is not None:
        share = _together(pipeline, process, share)
    with alone():
        pipeline.annotate(
            limit=limit, share=share, engine=partial(RayEngine, workers=workers) if engine == "ray" else None
        )


def _together(pipeline: Pipeline, process: Process, share: Share | None) -> Share:
    """Mine and fine-tune in the first process; return this one's part of the pairs, or of a share of them."""
    import torch

    from menura.answer_key import Share
    from menura.launch import prepare_once
    from menura.progress import console

    if torch.cuda.is_available():
        torch.cuda.set_device(process.local_rank)
    console.quiet = process.rank != 0
    prepare_once(process, pipeline.prepare)
    return (share or Share(1, 1)).part(process.rank, process.count)
