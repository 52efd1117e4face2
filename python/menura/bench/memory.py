"""Peak memory of one step, from a fresh process: in a used one the heap would lend what earlier steps left."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from menura.bench.catalogue import find, tiny
from menura.bench.provider import Provider
from menura.bench.providers import providers
from menura.bench.workload import Workload

__all__ = ["extra_megabytes", "peak_memory"]

PROCESS = Path("/proc/self")
# Makes VmHWM begin anew (proc_pid_clear_refs).
RESET_PEAK = "5"


def peak_memory(workload: Workload, provider: Provider, *, threads: int, joining: Path | None) -> float | None:
    """Megabytes that one step takes beyond its inputs, outputs and gradients included; None where it fails."""
    names = [workload.name, workload.precision, provider.name, str(threads), *([str(joining)] if joining else [])]
    code = "import sys; from menura.bench import memory; memory.report(*sys.argv[1:])"
    child = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=False)
    return float(child.stdout.split()[-1]) if child.returncode == 0 else None


def report(name: str, precision: str, provider: str, threads: str, joining: str | None = None) -> None:
    """What the fresh process does: print the figure."""
    torch.set_num_threads(int(threads))
    workload = find(name, precision)
    known = providers(Path(joining) if joining else None)
    chosen = next(each for each in known if (each.task, each.name) == (workload.task, provider))
    print(_extra_megabytes(workload, chosen))


def _extra_megabytes(workload: Workload, provider: Provider) -> float:
    # Libraries load code and make buffers when first called; that is no cost of this step.
    small = next(each for each in tiny() if each.task == workload.task)
    provider.bind(*replace(small, dtype=workload.dtype).inputs())()
    return extra_megabytes(provider.bind(*workload.inputs()))


def extra_megabytes(step: Callable[[], object]) -> float:
    """What a call takes beyond what is there before it, at its peak."""
    # What was freed before goes back to the system, or the step would use it unseen.
    ctypes.CDLL(None).malloc_trim(0)
    before = _resident("VmRSS")
    (PROCESS / "clear_refs").write_text(RESET_PEAK)
    step()
    return (_resident("VmHWM") - before) / 1e6


def _resident(field: str) -> int:
    """Bytes."""
    lines = (PROCESS / "status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))
