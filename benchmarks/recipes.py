"""The shipped recipes and variants of them, run for real: `python benchmarks/recipes.py`, some hours on two cores.

Every run is one `menura run`, printed before it starts. Runs of one seed with the same collection and negatives take
over the candidates, the teacher and the answer key of the first of them, and those of one recipe its mentor. What is
finished in the folder is not run again; results join those of other seeds and runs in the CSVs. It takes
`menura[demo,lora]`, in one environment for all of them: the demo's docstrings are those of what is installed.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recipe_results import Finished, gather
from recipe_runs import DENSE_START, RUNS, SEEDS, Run
from recipe_starts import write_dense_start

RESULTS = Path(__file__).parent / "results"
# The programs of this environment.
MODULES = {"menura": "menura.cli", "torchrun": "torch.distributed.run"}
OF_COLLECTION, OF_RECIPE = ("candidates", "teacher", "answer_key", "embeddings"), ("*_mentor",)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", type=Path, default=Path("runs/recipes"), help="where the runs go")
    options.add_argument("--seeds", type=int, nargs="+", choices=SEEDS, default=SEEDS)
    options.add_argument("--jobs", type=int, default=1, help="runs at a time, which share the cores")
    names = [run.name for run in RUNS]
    options.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="RUN", help="these, and what they take over from"
    )
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for every run")
    options.add_argument("--output", type=Path, default=RESULTS)
    arguments = options.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    runs = [run.with_settings(*arguments.set) for run in RUNS]
    chosen = [run for run in runs if run.name in arguments.only]
    firsts = [run for run in runs if any(first_of(runs, each) is run for each in chosen)]
    if any(DENSE_START in setting for run in chosen for setting in run.settings):
        write_dense_start(arguments.folder / DENSE_START)
    cores = len(os.sched_getaffinity(0))
    for seed in arguments.seeds:
        for run in firsts:
            execute(run, seed, runs, arguments.folder, cores)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            threads = max(1, cores // arguments.jobs)
            waiting = [pool.submit(execute, run, seed, runs, arguments.folder, threads) for run in chosen]
        for each in waiting:
            each.result()
        done = [Finished(run.seeded(seed), seed, folder_of(run, seed, arguments.folder)) for run in runs]
        done = [each for each in done if (each.output / "report.json").exists()]
        gather(done, arguments.output)
        print(f"Seed {seed}: {len(done)} of {len(runs)} runs are finished.", flush=True)


def first_of(runs: Iterable[Run], run: Run) -> Run:
    """The first that has the collection and the negatives of `run`."""
    return next(each for each in runs if each.collection == run.collection)


def execute(run: Run, seed: int, runs: list[Run], folder: Path, threads: int) -> None:
    """Run it where it is not finished, and drop its weights: they are not measured again."""
    output = folder_of(run, seed, folder)
    if (output / "report.json").exists():
        return
    take_over(output, folder_of(first_of(runs, run), seed, folder), OF_COLLECTION)
    same_recipe = next(each for each in runs if each.recipe == run.recipe)
    take_over(output, folder_of(same_recipe, seed, folder), OF_RECIPE)
    command = run.seeded(seed).command(output)
    print(shlex.join(command), flush=True)
    with (folder / f"{output.name}.log").open("w", encoding="utf-8") as log:
        ended = subprocess.run(
            [sys.executable, "-m", MODULES[command[0]], *command[1:]],
            env={**os.environ, "OMP_NUM_THREADS": str(max(1, threads // run.processes))},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        print(f"error: [bench] {output.name} ended with {ended.returncode}; see {log.name}", file=sys.stderr)
        return
    for student in run.students:
        for weights in (output / student).rglob("*.safetensors"):
            weights.unlink()


def folder_of(run: Run, seed: int, folder: Path) -> Path:
    return folder / f"{run.name}-{seed}"


def take_over(output: Path, source: Path, names: Iterable[str]) -> None:
    output.mkdir(parents=True, exist_ok=True)
    for name in names:
        for found in source.glob(name):
            if not (output / found.name).exists():
                shutil.copytree(found, output / found.name)


if __name__ == "__main__":
    main()
