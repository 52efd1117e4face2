"""Workload after workload, under a progress bar, each written to the CSV as soon as it is measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from menura.bench import results
from menura.bench.harness import Harness
from menura.bench.machine import this_machine
from menura.bench.peak import peak
from menura.bench.providers import providers
from menura.bench.results import Figure
from menura.bench.workload import Workload
from menura.errors import MenuraError
from menura.progress import progress_bar

__all__ = ["benchmark"]


def benchmark(
    workloads: Sequence[Workload],
    *,
    threads: int,
    samples: int,
    output: Path,
    packages: Sequence[str] | None = None,
    weigh: bool = True,
    joining: Path | None = None,
) -> list[Figure]:
    """Measure `workloads` and bring their figures into the CSV at `output`.

    Args:
        threads: that PyTorch and the operators may use.
        samples: undisturbed ones wanted of each provider.
        packages: whose providers take part. None: all.
        weigh: measure peak memory as well.
        joining: a Python file with further providers.

    Returns:
        The new figures.

    Raises:
        MenuraError: an argument is out of range, a file is unusable, or an operator of ours is wrong.
    """
    if threads < 1 or samples < 1:
        raise MenuraError(f"[bench] threads and samples must be at least 1; got {threads} and {samples}.")
    known = [each for each in providers(joining) if packages is None or each.package in packages]
    figures, measured = results.read(output), []
    results.check_writable(output)
    with _threads(threads), progress_bar() as progress:
        peaks = {dtype: peak(dtype, threads) for dtype in {workload.arithmetic for workload in workloads}}
        harness = Harness(known, this_machine(), peaks, samples, weigh, joining)
        task = progress.add_task("", total=len(workloads), unit="workloads")
        for workload in workloads:
            progress.update(task, description=f"{workload.task} {workload.precision}")
            new = harness.measure(workload)
            measured += new
            figures = results.merge(figures, new)
            results.write(figures, output)
            progress.advance(task)
    return measured


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
