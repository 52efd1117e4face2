"""What the device can do at best, measured in the same run: copying, and the vendor's matrix product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from gpu.device import Gpu
from menura.bench.machine import installed
from menura.bench.results import Figure
from menura.bench.timing import Samples, interleave

PRODUCTS = (torch.bfloat16, torch.float16, torch.float32)


@dataclass(frozen=True)
class Ceilings:
    """FLOP/s by dtype, bytes/s, and the rows of the CSV that say so."""

    flop_per_s: dict[torch.dtype, float]
    bytes_per_s: float
    figures: list[Figure]


def measure(device: Gpu) -> Ceilings:
    """Copy four gigabytes, reading and writing counted, and multiply square matrices of random numbers."""
    count, size = (1 << 16, 64) if device.dry else (1 << 32, 8192)
    source = torch.empty(count, dtype=torch.uint8, device=device.kind).random_()
    target = torch.empty_like(source)
    milliseconds = _samples(device, partial(target.copy_, source))
    bandwidth = 2e3 * count / _median(milliseconds)
    figures = [_figure(device, "copy", "uint8", milliseconds, gb_per_s=bandwidth / 1e9)]
    del source, target
    rates = {}
    for dtype in PRODUCTS:
        left, right = (torch.randn(size, size, device=device.kind).to(dtype) for _ in range(2))
        milliseconds = _samples(device, partial(torch.matmul, left, right))
        rates[dtype] = 2e3 * size**3 / _median(milliseconds)
        precision = str(dtype).removeprefix("torch.")
        figures.append(_figure(device, "matmul", precision, milliseconds, gflop_per_s=rates[dtype] / 1e9))
    return Ceilings(rates, bandwidth, figures)


def _samples(device: Gpu, call: Callable[[], object]) -> Samples:
    return interleave({"": call}, samples=device.samples([call]), sample=device.sample)[""]


def _median(samples: Samples) -> float:
    return samples.percentile(50) or float("nan")


def _figure(
    device: Gpu,
    what: str,
    precision: str,
    samples: Samples,
    *,
    gflop_per_s: float | None = None,
    gb_per_s: float | None = None,
) -> Figure:
    return Figure(
        workload=f"ceiling-{what}",
        title=f"ceiling, {what}",
        precision=precision,
        provider="torch",
        package=f"torch {installed('torch')}",
        threads=torch.get_num_threads(),
        median_ms=samples.percentile(50),
        p20_ms=samples.percentile(20),
        p80_ms=samples.percentile(80),
        kept=len(samples.kept),
        taken=samples.taken,
        gflop_per_s=gflop_per_s,
        fraction_of_peak=None,
        peak_memory_mb=None,
        output_error=None,
        gradient_error=None,
        note="",
        machine=device.machine,
        gb_per_s=gb_per_s,
    )
