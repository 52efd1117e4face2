"""What the runs of recipes have measured, gathered from their folders into CSVs beside what was measured before."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from recipe_runs import QUESTIONS, RUNS, SEEDS, Run
from recipe_tables import read

from menura.evaluation.report import COMPARED
from menura.evaluation.side_by_side import read_finished
from menura.evaluation.significance import compare
from menura.files import write_csv
from menura.stage import identity

__all__ = ["Finished", "gather"]

# What a report calls a student at the end.
FINISHED = {"colbert": ("ColBERT distilled", "ColBERT trained"), "splade": ("SPLADE distilled", "SPLADE trained")}
# By (run, student, seed), the values of the queries.
Values = dict[tuple[str, str, str], dict[str, float]]


class Finished(NamedTuple):
    """A run and the folder of its results."""

    run: Run
    seed: int
    output: Path


def gather(finished: Iterable[Finished], results: Path) -> None:
    """Write `recipes.csv`, `recipes_queries.csv` and `recipes_compared.csv`; runs that are there are renewed.

    Ends the program where they were not all measured on one collection.
    """
    rows = read_rows(results / "recipes.csv")
    values = read_values(results / "recipes_queries.csv")
    for each in finished:
        report = read_finished(each.output)
        rows[each.run.name, str(each.seed)] = list(rows_of(each, identity(report.measured_on)))
        systems = report.systems
        for student in each.run.students:
            name = next(name for name in FINISHED[student] if name in systems)
            values[each.run.name, student, str(each.seed)] = systems[name][COMPARED]
    if len({row["measured_on"] for group in rows.values() for row in group}) > 1:
        sys.exit(
            "error: [bench] runs on different collections cannot be compared; docstrings are those of what is "
            f"installed, so let all of them run in one environment, or remove {results / 'recipes*.csv'}"
        )
    written = [rows.get((run.name, str(seed)), []) for run in RUNS for seed in SEEDS]
    write_csv(results / "recipes.csv", [row for group in written for row in group])
    write_csv(results / "recipes_queries.csv", list(wide(values)))
    write_csv(results / "recipes_compared.csv", list(answers(values)))


def rows_of(finished: Finished, measured_on: str) -> Iterator[dict[str, Any]]:
    """One for every system."""
    run, seed, output = finished
    for row in read(output / "report.csv"):
        student = next((name for name in run.students if row["system"] in FINISHED[name]), "")
        yield {
            "run": run.name,
            "recipe": run.recipe,
            "settings": " ".join(run.settings),
            "seed": seed,
            "measured_on": measured_on,
            "student": student,
            "system": row["system"],
            **{name: row[name] for name in (COMPARED, "MRR@10", "Recall@100")},
            **{name: row[name] for name in ("query_terms", "document_terms", "p_versus_start")},
            **(training(output, student) if student else dict.fromkeys(("steps", "seconds"))),
        }


def training(output: Path, student: str) -> dict[str, Any]:
    """Steps, and seconds that they took beside whatever else ran."""
    folders = [output / student, output / "joint"]
    history = next(folder / "history.json" for folder in folders if (folder / "history.json").exists())
    entries = json.loads(history.read_text(encoding="utf-8"))
    last = next(entry for entry in reversed(entries) if "train_runtime" in entry)
    return {"steps": last["step"], "seconds": last["train_runtime"]}


def answers(values: Values) -> Iterator[dict[str, Any]]:
    """Every question whose runs are finished, with the queries' values averaged over the seeds that both have."""
    for student, first, second in QUESTIONS:
        measured = [{seed for run, of, seed in values if (run, of) == (name, student)} for name in (first, second)]
        seeds = sorted(set.intersection(*measured))
        if seeds:
            found = compare(*(mean([values[run, student, seed] for seed in seeds]) for run in (first, second)))
            shown = {"student": student, "first": first, "second": second, "seeds": len(seeds)}
            yield {**shown, "difference": found.difference, "p": found.p}


def mean(group: list[dict[str, float]]) -> dict[str, float]:
    return {query: float(np.mean([values[query] for values in group])) for query in group[0]}


def read_rows(path: Path) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """By run and seed."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in read(path):
        found.setdefault((row["run"], row["seed"]), []).append(row)
    return found


def read_values(path: Path) -> Values:
    """Columns of the file, called ``run student seed``."""
    found: Values = {}
    for row in read(path):
        for column in row.keys() - {"query"}:
            run, student, seed = column.split()
            if row[column]:
                found.setdefault((run, student, seed), {})[row["query"]] = float(row[column])
    return found


def wide(values: Values) -> Iterator[dict[str, Any]]:
    """A row for every query."""
    for query in sorted({query for group in values.values() for query in group}):
        shown = {" ".join(key): group[query] for key, group in sorted(values.items()) if query in group}
        yield {"query": query, **{column: f"{value:.4f}" for column, value in shown.items()}}
