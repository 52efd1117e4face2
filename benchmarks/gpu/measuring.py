"""One workload from its inputs to its figures: check everybody, weigh everybody, time everybody in turn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import cycle

from torch import Tensor

from gpu import forms, peers
from gpu.catalogue import Row
from gpu.ceilings import Ceilings
from gpu.device import Gpu
from menura.bench.harness import Entry, enter, figure_of
from menura.bench.provider import Provider
from menura.bench.providers import providers
from menura.bench.results import Figure
from menura.bench.step import Step
from menura.bench.timing import Samples, interleave
from menura.bench.workload import Task, Workload

# Thousands of launches for one search.
UNFIT = {"torch, document loop"}
# Which operators of ours do a task.
OPERATORS: dict[Task, tuple[str, ...]] = {
    "maxsim_score": ("maxsim_packed",),
    "maxsim_kd": ("maxsim",),
    "maxsim_batch": ("maxsim",),
    "maxsim_ragged": ("maxsim", "maxsim_packed"),
    "maxsim_normalized": ("maxsim",),
    "splade_head": ("splade_head",),
    "splade_head_padded": ("splade_head",),
    "sparse_dot": ("sparse_dot",),
    "sparse_dot_csr": ("sparse_dot",),
    "flops": ("flops",),
}


class Rotation:
    """A step on several sets of inputs in turn, so that it finds none of them in the cache."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = cycle(steps)

    def __call__(self) -> None:
        next(self.steps)()


def rivals(row: Row, without: Collection[str] = ()) -> list[Provider]:
    """Who takes part, ours first; nobody from the packages `without`."""
    return [
        provider
        for provider in (*providers(), *forms.PROVIDERS, *peers.PROVIDERS)
        if provider.task == row.workload.task
        and provider.name not in UNFIT
        and provider.package not in without
        and (row.compiled or provider.name != forms.COMPILED)
        and (provider.name != forms.BOUND or not row.workload.trained)
    ]


def measure(
    workload: Workload, known: Sequence[Provider], device: Gpu, ceilings: Ceilings, failed: Collection[str]
) -> list[Figure]:
    """One figure for every provider; a note alone where it is wrong, unable, or ours and `failed` its checks."""
    device.forget()
    inputs, truth = workload.inputs(device.kind), workload.truth(device.kind)
    entries = [_enter(provider, workload, inputs, truth, failed) for provider in known]
    moved = _fewest_bytes(workload, inputs, truth)
    del truth
    entered = {entry.provider: entry.step for entry in entries if entry.step is not None}
    memory = {provider.name: device.peak_megabytes(step) for provider, step in entered.items()}
    sets = device.sets(sum(tensor.nbytes for tensor in inputs))
    others = [workload.inputs(device.kind, seed) for seed in range(1, sets)]
    calls = {
        provider.name: Rotation([step, *(provider.bind(*each) for each in others)])
        for provider, step in entered.items()
    }
    samples = interleave(calls, samples=device.samples(calls.values()), sample=device.sample)
    return [
        _figure(workload, entry, samples.get(name, Samples()), memory.get(name), moved, device, ceilings)
        for entry in entries
        for name in [entry.provider.name]
    ]


def _enter(
    provider: Provider,
    workload: Workload,
    inputs: tuple[Tensor, ...],
    truth: list[Tensor],
    failed: Collection[str],
) -> Entry:
    if provider.name == forms.BOUND:
        return Entry(provider, provider.bind(*inputs), None, "a bound: it does nothing else of the task")
    if provider.package == "menura" and not set(OPERATORS[workload.task]).isdisjoint(failed):
        return Entry(provider, None, None, "failed its checks")
    try:
        return enter(provider, workload, inputs, truth)
    except Exception as failure:  # ours, which the rest of the run must survive
        return Entry(provider, None, None, f"failed: {failure}".splitlines()[0])


def _fewest_bytes(workload: Workload, inputs: tuple[Tensor, ...], truth: list[Tensor]) -> int | None:
    """Inputs read once, the output written in float32, a gradient for each leaf; None for compressed rows."""
    if workload.task == "sparse_dot_csr":
        return None
    gradients = sum(tensor.nbytes for tensor in inputs if tensor.requires_grad)
    return sum(tensor.nbytes for tensor in inputs) + 4 * truth[0].numel() + gradients


def _figure(
    workload: Workload,
    entry: Entry,
    samples: Samples,
    memory: float | None,
    moved: int | None,
    device: Gpu,
    ceilings: Ceilings,
) -> Figure:
    peak = ceilings.flop_per_s[workload.dtype]
    figure = figure_of(workload, entry, samples, machine=device.machine, peak=peak, memory=memory)
    rate = 1e3 * moved / figure.median_ms if moved and figure.median_ms else None
    return replace(
        figure,
        gb_per_s=rate / 1e9 if rate else None,
        fraction_of_bandwidth=rate / ceilings.bytes_per_s if rate else None,
    )
