"""The shipped recipes and variants of them, run for real: `python benchmarks/recipes.py`, some hours on two cores.

Every run is one `menura run`, printed before it starts. All begin with the candidates, the teacher and the answer key
of the first, which are copied; a mentor is copied to the other seeds. What is finished is not run again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from menura.evaluation.report import COMPARED
from menura.evaluation.side_by_side import read_finished
from menura.evaluation.significance import compare
from menura.files import write_csv

RESULTS = Path(__file__).parent / "results"
SEEDS = (1, 2, 3)
# What a run takes over from the first, and from the first of its seeds.
SHARED, OF_SEEDS = ("candidates", "teacher", "answer_key", "embeddings"), ("*_mentor",)
# What a report calls a student at the end.
FINISHED = {"colbert": ("ColBERT distilled", "ColBERT trained"), "splade": ("SPLADE distilled", "SPLADE trained")}


class Run(NamedTuple):
    """A recipe with some settings, and the students that it trains."""

    name: str
    recipe: str
    students: tuple[str, ...]
    settings: tuple[str, ...] = ()

    def command(self, seed: int, output: Path) -> list[str]:
        chosen = [*self.settings, *(f"students.{student}.trainer.seed={seed}" for student in self.students)]
        return ["menura", "run", self.recipe, "--output", str(output), *(f"--set={setting}" for setting in chosen)]


BOTH = ("colbert", "splade")
SCORES_ALONE = tuple(
    f"students.colbert.mentor.{name}=null" for name in ("token_embeddings", "hidden_states", "alignment")
)
VECTORS_ALONE = tuple(f"students.splade.mentor.{name}=null" for name in ("vocabulary_vectors", "hidden_states"))
BUDGETS = (12, 25, 50, 100, 200, 400)
RUNS = [
    Run("demo", "demo", BOTH),
    Run("labels_only", "labels_only", BOTH),
    Run("constant_margin", "constant_margin", BOTH),
    Run("kl_divergence", "kl_divergence", ("colbert",)),
    Run("ranknet", "ranknet", ("colbert",)),
    Run(
        "splade_margins",
        "demo",
        ("splade",),
        ("students.colbert=null", "students.splade.objectives={margin_mse: {pairs: all}}"),
    ),
    Run("splade_v3", "splade_v3", ("splade",)),
    Run("joint", "joint", BOTH),
    Run("multi_task", "multi_task", BOTH),
    Run("large_batches", "large_batches", BOTH),
    Run("self_distillation", "self_distillation", ("colbert",)),
    Run("self_distillation_scores", "self_distillation", ("colbert",), SCORES_ALONE),
    Run(
        "three_layers",
        "demo",
        ("colbert",),
        ("students.splade=null", "students.colbert.layers={evenly: 3}"),
    ),
    Run("splade_self_distillation", "splade_self_distillation", ("splade",)),
    Run("splade_self_distillation_scores", "splade_self_distillation", ("splade",), VECTORS_ALONE),
    Run("online", "online", ("splade",)),
    Run("online_without_mining", "online", ("splade",), ("online.refresh=null",)),
    *(
        Run(f"budget_{terms}", "splade_budget", ("splade",), (f"students.splade.budget={{documents: {terms}}}",))
        for terms in BUDGETS
    ),
]
# By student, whose nDCG@10 is held against whose.
QUESTIONS = [
    ("colbert", "demo", "labels_only"),
    ("colbert", "kl_divergence", "labels_only"),
    ("colbert", "demo", "kl_divergence"),
    ("colbert", "demo", "ranknet"),
    ("colbert", "demo", "constant_margin"),
    ("colbert", "joint", "demo"),
    ("colbert", "multi_task", "demo"),
    ("colbert", "self_distillation", "self_distillation_scores"),
    ("colbert", "self_distillation", "three_layers"),
    ("colbert", "self_distillation_scores", "three_layers"),
    ("splade", "demo", "labels_only"),
    ("splade", "demo", "splade_margins"),
    ("splade", "demo", "splade_v3"),
    ("splade", "demo", "constant_margin"),
    ("splade", "joint", "demo"),
    ("splade", "multi_task", "demo"),
    ("splade", "splade_self_distillation", "splade_self_distillation_scores"),
    ("splade", "online", "online_without_mining"),
]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", type=Path, default=Path("runs/recipes"), help="where the runs go")
    options.add_argument("--jobs", type=int, default=1, help="runs at a time, which share the cores")
    options.add_argument("--only", default="", help="runs whose name holds this, after the first")
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for every run")
    options.add_argument("--output", type=Path, default=RESULTS)
    arguments = options.parse_args()
    runs = [run._replace(settings=(*run.settings, *arguments.set)) for run in RUNS]
    first, *others = runs
    chosen = [run for run in others if arguments.only in run.name]
    threads = max(1, len(os.sched_getaffinity(0)) // arguments.jobs)
    execute(first, SEEDS[0], arguments.folder, threads)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for seed in SEEDS:
            waiting = [pool.submit(execute, run, seed, arguments.folder, threads) for run in [first, *chosen]]
            for each in waiting:
                each.result()
            finished = [run for run in runs if folder_of(run, seed, arguments.folder).joinpath("report.json").exists()]
            print(f"Seed {seed}: {len(finished)} of {len(runs)} runs are finished.", flush=True)
    write_csv(arguments.output / "recipes.csv", list(rows(runs, arguments.folder)))
    write_csv(arguments.output / "recipes_compared.csv", list(answers(runs, arguments.folder)))


def execute(run: Run, seed: int, folder: Path, threads: int) -> None:
    """Run it where it is not finished, and drop its weights: they are not measured again."""
    output = folder_of(run, seed, folder)
    if (output / "report.json").exists():
        return
    take_over(output, folder_of(RUNS[0], SEEDS[0], folder), SHARED)
    take_over(output, folder_of(run, SEEDS[0], folder), OF_SEEDS)
    command = run.command(seed, output)
    print(shlex.join(command), flush=True)
    with (folder / f"{output.name}.log").open("w", encoding="utf-8") as log:
        ended = subprocess.run(
            [sys.executable, "-m", "menura.cli", *command[1:]],
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        print(f"error: [bench] {output.name} ended with {ended.returncode}; see {log.name}", file=sys.stderr)
        return
    for student in BOTH:
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


def rows(runs: Iterable[Run], folder: Path) -> Iterator[dict[str, Any]]:
    """One for every system of every run."""
    for run in runs:
        for seed in SEEDS:
            output = folder_of(run, seed, folder)
            if not (output / "report.csv").exists():
                continue
            with (output / "report.csv").open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    student = next((name for name in run.students if row["system"] in FINISHED[name]), "")
                    yield {
                        "run": run.name,
                        "recipe": run.recipe,
                        "settings": " ".join(run.settings),
                        "seed": seed,
                        "student": student,
                        "system": row["system"],
                        **{name: row[name] for name in (COMPARED, "MRR@10", "Recall@100")},
                        **{name: row[name] for name in ("query_terms", "document_terms", "p_versus_start")},
                        **(training(output, student) if student else dict.fromkeys(("steps", "seconds"))),
                    }


def training(output: Path, student: str) -> dict[str, Any]:
    """Steps, and seconds that they took beside another run."""
    folders = [output / student, output / "joint"]
    history = next(folder / "history.json" for folder in folders if (folder / "history.json").exists())
    entries = json.loads(history.read_text(encoding="utf-8"))
    last = next(entry for entry in reversed(entries) if "train_runtime" in entry)
    return {"steps": last["step"], "seconds": last["train_runtime"]}


def answers(runs: Iterable[Run], folder: Path) -> Iterator[dict[str, Any]]:
    """Every question whose runs are finished, with values averaged over the seeds that both have."""
    known = {run.name: run for run in runs}
    for student, first, second in QUESTIONS:
        pairs = [(folder_of(known[first], seed, folder), folder_of(known[second], seed, folder)) for seed in SEEDS]
        pairs = [pair for pair in pairs if all((output / "report.json").exists() for output in pair)]
        if pairs:
            values = [per_query([pair[side] for pair in pairs], student) for side in (0, 1)]
            found = compare(*values)
            shown = {"student": student, "first": first, "second": second, "seeds": len(pairs)}
            yield {**shown, "difference": found.difference, "p": found.p}


def per_query(outputs: Iterable[Path], student: str) -> dict[str, float]:
    """What is compared, by query, averaged over `outputs`."""
    found = []
    for output in outputs:
        systems = read_finished(output).systems
        found.append(next(systems[name][COMPARED] for name in FINISHED[student] if name in systems))
    return {query: float(np.mean([values[query] for values in found])) for query in found[0]}


if __name__ == "__main__":
    main()
