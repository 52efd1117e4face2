"""What is measured on: the GPU, or in a dry run the CPU in its place."""

from __future__ import annotations

import gc
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

import torch

from menura.bench.machine import Machine, installed, this_machine
from menura.bench.timing import Samples
from stand_ins import gpu_kernels_on_cpu

# Milliseconds that a sample repeats its call for, and the most repetitions.
SAMPLE = 10
MOST_REPEATS = 200
# Samples of each provider, and the milliseconds that a round of all of them may cost before they become fewer.
SAMPLES, FEWEST_SAMPLES = 15, 5
ROUND = 300
# Inputs are rotated until they fill the L2 so many times, or until there are so many sets of them.
L2_FILLS = 3
MOST_SETS = 32


class Gpu:
    """The current CUDA device. The commit is that of the checkout that the package lies in, unless it is told."""

    kind = "cuda"
    dry = False

    def __init__(self, commit: str | None) -> None:
        self.commit = commit

    @cached_property
    def machine(self) -> Machine:
        """This process and its GPU."""
        major, minor = torch.cuda.get_device_capability()
        return self._told(isa=f"sm_{major}{minor}", gpu=torch.cuda.get_device_name(), driver=_driver())

    def _told(self, **of_the_gpu: str) -> Machine:
        here = this_machine()
        return replace(here, commit=self.commit or here.commit, triton=installed("triton"), **of_the_gpu)

    def samples(self, calls: Collection[Callable[[], object]]) -> int:
        """How many are taken of each of `calls`."""
        a_round = sum(max(self.milliseconds(call), SAMPLE) for call in calls)
        return max(min(SAMPLES, round(SAMPLES * ROUND / max(a_round, 1))), FEWEST_SAMPLES)

    def sample(self, call: Callable[[], object], into: Samples) -> None:
        """Time some repetitions of `call` between two events; one before them tells how many."""
        once = self.milliseconds(call)
        repeats = min(round(SAMPLE / once), MOST_REPEATS)
        into.kept.append(self.milliseconds(call, repeats) if repeats > 1 else once)
        into.taken += 1

    def milliseconds(self, call: Callable[[], object], repeats: int = 1) -> float:
        """Of one call, on average."""
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(repeats):
            call()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / repeats

    def peak_megabytes(self, call: Callable[[], object]) -> float | None:
        """What one call takes beyond what is there, outputs and gradients included."""
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 1e6

    def sets(self, size: int) -> int:
        """How many inputs of `size` bytes have to take turns, so that none is still in the L2."""
        wanted = L2_FILLS * torch.cuda.get_device_properties(0).L2_cache_size
        return min(-(-wanted // size), MOST_SETS)

    def forget(self) -> None:
        """Give back memory and compiled functions of the last workload: torch.compile gives up after eight shapes."""
        gc.collect()
        torch.cuda.empty_cache()
        torch.compiler.reset()

    def is_lost(self) -> bool:
        """Whether a kernel has crashed; nothing runs in this process any more then."""
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            return True
        return False


class DryRun(Gpu):
    """The CPU with Triton's interpreter: shows that the script runs, and measures nothing of worth."""

    kind = "cpu"
    dry = True

    @cached_property
    def machine(self) -> Machine:
        return self._told(isa="interpreted", gpu="dry run")

    def samples(self, calls: Collection[Callable[[], object]]) -> int:
        return 2

    def sample(self, call: Callable[[], object], into: Samples) -> None:
        into.kept.append(self.milliseconds(call))
        into.taken += 1

    def milliseconds(self, call: Callable[[], object], repeats: int = 1) -> float:
        begin = time.perf_counter_ns()
        for _ in range(repeats):
            call()
        return (time.perf_counter_ns() - begin) / repeats / 1e6

    def peak_megabytes(self, call: Callable[[], object]) -> float | None:
        return None

    def sets(self, size: int) -> int:
        return 2

    def forget(self) -> None:
        torch.compiler.reset()

    def is_lost(self) -> bool:
        return False


@contextmanager
def device(*, dry_run: bool, commit: str | None = None) -> Iterator[Gpu]:
    """The GPU; or the CPU, on which the GPU kernels then run in Triton's interpreter."""
    if not dry_run:
        yield Gpu(commit)
        return
    with gpu_kernels_on_cpu():
        yield DryRun(commit)


def _driver() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=False).stdout.split("\n")[0].strip()
    except FileNotFoundError:
        return ""
