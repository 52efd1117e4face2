"""`menura bench`: the operators against plain PyTorch and sentence-transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console

from menura.errors import MenuraError

__all__ = ["bench"]


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
