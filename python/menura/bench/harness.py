"""One workload from its inputs to its figures: check everybody, time everybody in turn, weigh everybody apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from menura.bench.gate import Errors, errors_of, wrong
from menura.bench.machine import Machine, installed
from menura.bench.memory import peak_memory
from menura.bench.provider import Provider, UnsupportedError
from menura.bench.results import Figure
from menura.bench.step import Step
from menura.bench.timing import Samples, interleave
from menura.bench.workload import Workload
from menura.errors import MenuraError

__all__ = ["Entry", "Harness", "enter", "figure_of"]

# A fraction of the peak beyond this tells of a peak that was measured too low.
LARGEST_FRACTION = 1.03


@dataclass(frozen=True)
class Entry:
    """A provider that was let in, or a note on why it was not."""

    provider: Provider
    step: Step | None
    errors: Errors | None
    note: str


@dataclass
class Harness:
    """How workloads are measured.

    Args:
        providers: who takes part, each in its own task.
        machine: what every figure will say of its circumstances.
        peaks: FLOP/s that can be had, by the dtype of the arithmetic; None: not known.
        samples: undisturbed ones wanted of each provider.
        weigh: whether peak memory is measured.
        joining: the file that some of the providers come from.
    """

    providers: Sequence[Provider]
    machine: Machine
    peaks: dict[torch.dtype, float | None]
    samples: int
    weigh: bool = True
    joining: Path | None = None

    def measure(self, workload: Workload) -> list[Figure]:
        """One figure for every provider of the task; one that cannot do this workload gets a note alone.

        Raises:
            MenuraError: an operator of ours is wrong.
        """
        # Bound inputs can be large: they go before the next workload's come.
        inputs, truth = workload.inputs(), workload.truth()
        rivals = [provider for provider in self.providers if provider.task == workload.task]
        entries = [enter(provider, workload, inputs, truth) for provider in rivals]
        steps = {entry.provider.name: entry.step for entry in entries if entry.step is not None}
        samples = interleave(steps, samples=self.samples) if workload.timed else {}
        return [self._figure(workload, entry, samples.get(entry.provider.name, Samples())) for entry in entries]

    def _figure(self, workload: Workload, entry: Entry, samples: Samples) -> Figure:
        peak, memory = self.peaks.get(workload.arithmetic), self._weight(workload, entry)
        figure = figure_of(workload, entry, samples, machine=self.machine, peak=peak, memory=memory)
        return replace(figure, note=figure.note or _note(samples, figure.fraction_of_peak))

    def _weight(self, workload: Workload, entry: Entry) -> float | None:
        if not self.weigh or entry.step is None:
            return None
        return peak_memory(workload, entry.provider, threads=torch.get_num_threads(), joining=self.joining)


def figure_of(
    workload: Workload, entry: Entry, samples: Samples, *, machine: Machine, peak: float | None, memory: float | None
) -> Figure:
    """What a provider took on a workload, where `peak` FLOP/s can be had."""
    provider, median = entry.provider, samples.percentile(50)
    rate = 1e3 * workload.flop / median if workload.flop and median else None
    return Figure(
        workload=workload.name,
        title=workload.title,
        precision=workload.precision,
        provider=provider.name,
        package=f"{provider.package} {installed(provider.package)}",
        threads=torch.get_num_threads(),
        median_ms=median,
        p20_ms=samples.percentile(20),
        p80_ms=samples.percentile(80),
        kept=len(samples.kept),
        taken=samples.taken,
        gflop_per_s=rate / 1e9 if rate else None,
        fraction_of_peak=rate / peak if rate and peak else None,
        peak_memory_mb=memory,
        output_error=entry.errors.output if entry.errors else None,
        gradient_error=entry.errors.gradient if entry.errors else None,
        note=entry.note,
        machine=machine,
    )


def _note(samples: Samples, fraction: float | None) -> str:
    if samples.taken and not samples.kept:
        return "no sample was undisturbed"
    return "beyond the peak: not to be quoted" if fraction and fraction > LARGEST_FRACTION else ""


def enter(provider: Provider, workload: Workload, inputs: tuple[Tensor, ...], truth: list[Tensor]) -> Entry:
    """Bind a provider and let it in if it is right.

    Raises:
        MenuraError: ours is wrong.
    """
    try:
        step = provider.bind(*inputs)
        entries = [tensor != 0 for tensor in inputs] if workload.entries_only else None
        errors = errors_of(step.checked(), truth, entries)
    except UnsupportedError as refusal:
        return Entry(provider, None, None, str(refusal))
    except ModuleNotFoundError as missing:
        return Entry(provider, None, None, f"{missing.name} is not installed")
    except Exception as failure:
        if provider.package == "menura":
            raise
        return Entry(provider, None, None, f"failed: {failure}".splitlines()[0])
    reason = wrong(errors, workload.dtype)
    if reason is None:
        return Entry(provider, step, errors, "")
    if provider.package == "menura":
        raise MenuraError(f"[bench] menura is wrong on {workload.name} in {workload.precision}: {reason}.")
    return Entry(provider, None, errors, f"wrong: {reason}")
