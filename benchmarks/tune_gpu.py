"""Search block shapes for a kernel on this GPU: `python benchmarks/tune_gpu.py maxsim_forward [--dtype float32]`.

From the shapes in the table, one number at a time is doubled or halved, and kept if the kernel's work takes less time
(the geometric mean over several inputs). It ends where no such step helps, and prints the row for kernels/tuning.py.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace

# Before Triton is imported: its kernels run on CPU tensors.
if "--dry-run" in sys.argv:
    os.environ["TRITON_INTERPRET"] = "1"

import torch
from gpu.device import Gpu, device
from menura.kernels.tuning import TABLE, Tuning, architecture, tuning

from menura.ops import library

# Runs of a measurement, of which the median counts; the calls of a run; the gain under which two times are the same.
RUNS = 5
REPEATS = 1 if "--dry-run" in sys.argv else 10
GAIN = 0.02
Work = list[Callable[[], object]]


def maxsim(dtype: torch.dtype, scale: int) -> tuple[Work, Work, Work]:
    """Forward, gradient of queries, gradient of documents: in-batch, one query with many documents, candidates."""
    forward: Work = []
    of_queries: Work = []
    of_documents: Work = []
    for queries, documents in (((128,), (128,)), ((1,), (4096,)), ((16,), (16, 32))):
        left = torch.randn(*(-(-n // scale) for n in queries), 32, 128).to(dtype)
        right = torch.randn(*(-(-n // scale) for n in documents), 180, 128).to(dtype)
        inputs = left, right, None, None
        scores, argmax = library.maxsim(*inputs, None, None, False, True)
        forward.append(lambda x=inputs: library.maxsim(*x, None, None, False, True))
        of_queries.append(lambda g=scores, x=inputs, a=argmax: library.maxsim_backward(g, *x, False, a, True, False))
        of_documents.append(lambda g=scores, x=inputs, a=argmax: library.maxsim_backward(g, *x, False, a, False, True))
    return forward, of_queries, of_documents


def splade_head(dtype: torch.dtype, scale: int) -> tuple[Work, Work, Work, Work]:
    """Maxima, sums, gradient of the weight, gradient of the states: long and short texts, many and few active terms."""
    work: tuple[Work, Work, Work, Work] = ([], [], [], [])
    weight = torch.randn(30_522 // scale, 768 // scale).to(dtype)
    for texts, tokens, shift in ((32, 256, 0.0), (64, 32, 0.0), (32, 256, -4.0)):
        hidden = (torch.randn(-(-texts // scale), tokens, 768 // scale) / (768 // scale) ** 0.5).to(dtype)
        inputs = hidden, weight, torch.full((len(weight),), shift), None, None
        output, argmax = library.splade_head(*inputs, "max", "relu", None, True)
        saved = *inputs, "max", "relu", output, None, None, output, argmax
        work[0].append(lambda x=inputs: library.splade_head(*x, "max", "relu", None, True))
        work[1].append(lambda x=inputs: library.splade_head(*x, "sum", "relu", None, False))
        work[2].append(lambda x=saved: library.splade_head_backward(*x, False, True, False))
        work[3].append(lambda x=saved: library.splade_head_backward(*x, True, False, False))
    return work


MAXSIM = ("maxsim_forward", "maxsim_query_gradient", "maxsim_document_gradient")
SPLADE_HEAD = (
    "splade_head_maxima",
    "splade_head_sums",
    "splade_head_weight_gradient",
    "splade_head_hidden_gradient",
)


def work_of(kernel: str, dtype: torch.dtype, scale: int) -> Work:
    if kernel in MAXSIM:
        return maxsim(dtype, scale)[MAXSIM.index(kernel)]
    return splade_head(dtype, scale)[SPLADE_HEAD.index(kernel)]


def milliseconds(work: Work, measured: Gpu) -> float:
    """The geometric mean of the median times; infinite where the shapes do not fit the device."""
    medians = []
    for call in work:
        try:
            call()
            times = sorted(measured.milliseconds(call, REPEATS) for _ in range(RUNS))
        except Exception as error:  # the compiler and the driver have many names for "too large"
            print(f"    {type(error).__name__}", flush=True)
            return math.inf
        medians.append(times[RUNS // 2])
    return math.exp(sum(map(math.log, medians)) / len(medians))


def neighbours(shapes: Tuning) -> Iterator[Tuning]:
    """One number twice as large, or half."""
    for field in fields(shapes):
        number = getattr(shapes, field.name)
        if field.name == "stages":
            yield from (replace(shapes, stages=n) for n in (number + 1, number - 1) if 1 <= n <= 5)
        else:
            yield from (replace(shapes, **{field.name: n}) for n in (2 * number, number // 2) if n >= 1)


def search(kernel: str, dtype: torch.dtype, measured: Gpu, steps: int) -> Tuning:
    """The best shapes within so many steps uphill."""
    scale = 128 if measured.dry else 1
    with torch.device(measured.kind):
        work = work_of(kernel, dtype, scale)
    entry = f"{architecture()} float32" if dtype == torch.float32 else architecture()

    def time_of(shapes: Tuning) -> float:
        TABLE[kernel][entry] = shapes
        TABLE[kernel].setdefault(architecture(), shapes)
        return milliseconds(work, measured)

    best = tuning(kernel, dtype)
    least = time_of(best)
    print(f"{kernel}, {dtype}: {best}: {least:.3f} ms", flush=True)
    for _ in range(steps):
        begun = best
        for shapes in neighbours(begun):
            taken = time_of(shapes)
            if taken < (1 - GAIN) * least:
                best, least = shapes, taken
                print(f"  {best}: {least:.3f} ms", flush=True)
        if best == begun:
            break
    print(f'{kernel}: "{entry}": {best}')
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernels", nargs="+", choices=[*MAXSIM, *SPLADE_HEAD])
    parser.add_argument("--dtype", choices=["bfloat16", "float16", "float32"], default="bfloat16")
    parser.add_argument("--steps", type=int, default=4, help="rounds of changes at most (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="tiny inputs on the CPU, in Triton's interpreter")
    args = parser.parse_args()
    with device(dry_run=args.dry_run) as measured:
        for kernel in args.kernels:
            search(kernel, getattr(torch, args.dtype), measured, args.steps)


if __name__ == "__main__":
    main()
