"""Check the operators on an NVIDIA GPU, then time them beside everybody else's: `python benchmarks/gpu.py`.

1. Checks, each operator in a process of its own: parity with the reference, determinism, torch.compile, CUDA graphs,
   more than 2^31 elements. What fails is not timed.
2. Ceilings: copying and matrix products, measured in the same run.
3. Workloads, the most important first, until the time is up. Every provider is compared with float64 before it is
   timed; all take turns; inputs are rotated past the L2.

Figures are written to the CSV as they come; those of the same GPU that it has already are replaced. A run that was cut
off goes on with `--no-checks --resume`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Before Triton is imported: its kernels run on CPU tensors.
if "--dry-run" in sys.argv:
    os.environ["TRITON_INTERPRET"] = "1"

import torch
from gpu import catalogue, ceilings, checks, measuring
from gpu.catalogue import Row
from gpu.device import Gpu, device
from gpu.forms import BOUND

from menura.bench import results
from menura.bench.cells import number, percent, whole
from menura.bench.comparison import Comparison, comparisons
from menura.bench.machine import Machine
from menura.bench.results import Figure

OUTPUT = Path(__file__).parent / "results" / "operators_gpu.csv"
# Seconds left under which no further workload is begun.
MARGIN = 25
# The share of the time that the checks may take.
CHECKS = 0.5
# Steps under the profiler.
PROFILED = 10


def main() -> None:
    args = arguments()
    deadline = time.monotonic() + 60 * args.minutes
    with device(dry_run=args.dry_run, commit=args.commit) as measured:
        if args.check:
            sys.exit(0 if checks.check(args.check, measured) else 1)
        rows = chosen(catalogue.tiny() if args.dry_run else catalogue.rows(), args.only)
        if args.profile:
            profile(rows[0], measured)
            return
        failed = [] if args.no_checks else check_all(CHECKS * 60 * args.minutes, parallel=not args.dry_run)
        if not args.no_timings:
            time_all(rows, measured, failed, deadline, args)
        sys.exit(1 if failed else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=9, help="when this time is up, no further workload begins")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the CSV (default: %(default)s)")
    parser.add_argument("--only", metavar="NAME", default="", help="workloads whose names begin so")
    parser.add_argument("--resume", action="store_true", help="leave out workloads that the CSV has already")
    parser.add_argument("--without", metavar="PACKAGE", nargs="*", default=[], help="whose providers take no part")
    parser.add_argument("--no-checks", action="store_true", help="go straight to the timings")
    parser.add_argument("--no-timings", action="store_true", help="stop after the checks")
    parser.add_argument("--commit", help="what was measured, where it is not run from a checkout")
    parser.add_argument("--profile", metavar="NAME", help="print the kernels of our operator in one workload, and stop")
    parser.add_argument("--dry-run", action="store_true", help="tiny inputs on the CPU, in Triton's interpreter")
    parser.add_argument("--check", choices=checks.OPERATORS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.only = args.profile or args.only
    return args


def chosen(rows: list[Row], only: str) -> list[Row]:
    named = [row for row in rows if row.workload.name.startswith(only)]
    if not named:
        sys.exit(f"error: no workload's name begins with {only!r}; there are: {', '.join(name(row) for row in rows)}")
    return named


def name(row: Row) -> str:
    return f"{row.workload.name} {row.workload.precision}"


def check_all(seconds: float, *, parallel: bool) -> list[str]:
    """The operators that fail. Each is checked in a process of its own, so that none crashes or waits for another."""
    command = [sys.executable, __file__, *([] if parallel else ["--dry-run"]), "--check"]

    def fails(operator: str) -> bool:
        try:
            code = subprocess.run([*command, operator], timeout=seconds, check=False).returncode
        except subprocess.TimeoutExpired:
            print(f"FAIL  {operator}: its checks take more than {seconds:.0f} s", flush=True)
            return True
        if code < 0:
            print(f"FAIL  {operator}: its process died of signal {-code}", flush=True)
        return code != 0

    with ThreadPoolExecutor(len(checks.OPERATORS) if parallel else 1) as pool:
        outcomes = list(pool.map(fails, checks.OPERATORS))
    return [operator for operator, wrong in zip(checks.OPERATORS, outcomes, strict=True) if wrong]


def time_all(rows: list[Row], measured: Gpu, failed: list[str], deadline: float, args: argparse.Namespace) -> None:
    """Measure row after row while there is time, and print what came out."""
    machine = measured.machine
    print(
        f"\n{machine.gpu}, driver {machine.driver}, torch {machine.torch}, triton {machine.triton}, "
        f"commit {machine.commit or 'unknown'}"
    )
    results.check_writable(args.output)
    figures = results.read(args.output)
    if args.resume:
        rows = [row for row in rows if not is_measured(row, figures, machine)]
    limits = ceilings.measure(measured)
    new = list(limits.figures)
    while rows and time.monotonic() < deadline - MARGIN and not measured.is_lost():
        row, *rows = rows
        begun = time.monotonic()
        try:
            found = measuring.measure(row.workload, measuring.rivals(row, args.without), measured, limits, failed)
        except Exception as failure:  # inputs or truth that do not fit: the other rows must not suffer
            print(f"FAIL  {name(row)}: {failure}".splitlines()[0], flush=True)
            continue
        print(f"{name(row)}: {time.monotonic() - begun:.1f} s", flush=True)
        new += found
        figures = results.merge(figures, new)
        results.write(figures, args.output)
    summarise(new)
    if measured.is_lost():
        print("\nA kernel crashed. Go on with --no-checks --resume --without PACKAGE, or find out with --only.")
    if rows:
        print(f"\nLeft out: {', '.join(map(name, rows))}")


def is_measured(row: Row, figures: list[Figure], machine: Machine) -> bool:
    """Whether the same commit has a figure on the same device already."""
    sought = row.workload.name, row.workload.precision, machine.gpu, machine.commit
    return any(sought == (each.workload, each.precision, each.machine.gpu, each.machine.commit) for each in figures)


def summarise(figures: list[Figure]) -> None:
    """A line for each workload: the fastest of ours beside the fastest of the others."""
    for figure in figures:
        if figure.workload.startswith("ceiling"):
            rate = figure.gflop_per_s or figure.gb_per_s
            print(f"{figure.title}, {figure.precision}: {number(rate)} G{'FLOP' if figure.gflop_per_s else 'B'}/s")
    for note in dict.fromkeys(f"{figure.provider}: {figure.note}" for figure in figures if figure.note):
        print(note)
    print(f"\n{'workload':<58}{'ms':>9}{'of peak':>8}{'of GB/s':>9}{'MB':>8}{'times':>7}  fastest other")
    for each in comparisons(figure for figure in figures if not figure.workload.startswith("ceiling")):
        print(_summary(each))


def _summary(each: Comparison) -> str:
    timed = [figure for figure in each.figures if figure.median_ms is not None]
    ours = min((figure for figure in timed if is_ours(figure)), key=_milliseconds, default=None)
    others = [figure for figure in timed if not is_ours(figure)]
    other = min((figure for figure in others if figure.provider != BOUND), key=_milliseconds, default=None)
    bound = next((figure for figure in others if figure.provider == BOUND), None)
    cells = f"{each.first.workload + ' ' + each.first.precision:<58}"
    if ours is None:
        return cells
    cells += f"{number(ours.median_ms):>9}{percent(ours.fraction_of_peak):>8}"
    cells += f"{percent(ours.fraction_of_bandwidth):>9}{whole(ours.peak_memory_mb):>8}"
    if other is not None:
        cells += f"{other.median_ms / ours.median_ms:>7.2f}  {other.provider}, {number(other.median_ms)} ms"
    if bound is not None:
        cells += f"; {ours.median_ms / bound.median_ms:.2f}x the time of a {BOUND}"
    return cells


def is_ours(figure: Figure) -> bool:
    return figure.package.startswith("menura")


def _milliseconds(figure: Figure) -> float:
    return figure.median_ms or float("inf")


def profile(row: Row, measured: Gpu) -> None:
    """The kernels of one of our steps, the longest first."""
    provider = measuring.rivals(row)[0]
    step = provider.bind(*row.workload.inputs(measured.kind))
    step()
    activities = [torch.profiler.ProfilerActivity.CPU]
    if not measured.dry:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profiler:
        for _ in range(PROFILED):
            step()
        if not measured.dry:
            torch.cuda.synchronize()
    print(f"{name(row)}, {provider.name}, {PROFILED} steps")
    order = "cpu_time_total" if measured.dry else "device_time_total"
    print(profiler.key_averages().table(sort_by=order, row_limit=25, max_name_column_width=60))


if __name__ == "__main__":
    main()
