"""Tables of what `benchmarks/recipes.py` has measured."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from recipe_runs import BUDGET, DENSE_BUDGET, HOLDS
from scipy.stats import t as student_t

from menura.bench.cells import NOTHING
from menura.bench.tables import markdown

__all__ = ["QUALITY", "answers", "budgets", "holds", "read", "recipes"]

Row = dict[str, str]
QUALITY = "nDCG@10"
CONFIDENCE = 0.95
# Of whom nothing was trained: once is enough.
UNTRAINED = ("BM25", "Teacher on BM25 top 10", "ColBERT start", "SPLADE start")


def read(path: Path) -> list[Row]:
    """The rows of a CSV; none where there is no file yet."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def recipes(rows: Sequence[Row]) -> str:
    """Every run and student but those of `holds`: quality over seeds, terms, steps and minutes."""
    header = ["Run", "Student", "nDCG@10", "95 % over seeds", "seeds", "terms q/d", "steps", "minutes"]
    begun = [next(row for row in rows if row["system"] == system) for system in UNTRAINED]
    cells = [[row["system"], "", _number(row[QUALITY]), *[NOTHING] * 2, _terms([row]), *[NOTHING] * 2] for row in begun]
    beside = {hold.run.name for hold in HOLDS}
    for group in _by_run([row for row in rows if row["run"] not in beside]):
        values = np.array([float(row[QUALITY]) for row in group])
        minutes = np.mean([float(row["seconds"]) for row in group]) / 60
        cells.append(
            [
                f"`{group[0]['run']}`",
                group[0]["system"].split()[0],
                _number(values.mean()),
                _interval(values),
                str(len(group)),
                _terms(group),
                group[0]["steps"],
                f"{minutes:.1f}",
            ]
        )
    return markdown(header, cells, words=2)


def answers(rows: Iterable[Row]) -> str:
    """Who is ahead of whom, and by how much."""
    cells = [
        [
            "ColBERT" if row["student"] == "colbert" else "SPLADE",
            f"`{row['first']}` over `{row['second']}`",
            f"{float(row['difference']):+.4f}",
            "<0.0001" if float(row["p"]) < 1e-4 else f"{float(row['p']):.4f}",
            row["seeds"],
        ]
        for row in rows
    ]
    return markdown(["Student", "Compared", "nDCG@10", "p", "seeds"], cells, words=2)


def budgets(rows: Sequence[Row]) -> Iterator[tuple[Row, dict[int, list[Row]]]]:
    """For either SPLADE to begin with: its own row, and the finished ones by their budget, over seeds."""
    for prefix in (BUDGET, DENSE_BUDGET):
        of_start = [row for row in rows if row["run"].startswith(prefix)]
        if of_start:
            groups = {int(group[0]["run"].removeprefix(prefix)): group for group in _by_run(of_start)}
            yield next(row for row in of_start if row["system"] == "SPLADE start"), groups


def holds(rows: Sequence[Row]) -> str:
    """By how much budgets were missed, by the batch and the steps that there were to meet them."""
    cells = []
    for hold in HOLDS:
        for row in rows:
            if row["student"] and row["run"] == hold.run.name:
                missed = (_missed(row["document_terms"], hold.documents), _missed(row["query_terms"], hold.queries))
                batch, budget = f"{hold.processes} x {hold.batch_size}", f"{hold.documents} / {hold.queries}"
                cells.append([batch, str(hold.steps), budget, row["seed"], " / ".join(missed)])
    return markdown(["Processes x batch", "Steps", "Budget d/q", "Seed", "Missed by d/q"], cells, words=1)


def _missed(terms: str, budget: int) -> str:
    return f"{float(terms) / budget - 1:+.1%}".replace("%", " %")


def _by_run(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The finished students of every run, over its seeds."""
    finished = [row for row in rows if row["student"]]
    for student in ("colbert", "splade"):
        for run in dict.fromkeys(row["run"] for row in finished):
            group = [row for row in finished if row["run"] == run and row["student"] == student]
            if group:
                yield group


def _interval(values: np.ndarray) -> str:
    """By Student's t."""
    if len(values) < 2:
        return NOTHING
    reach = student_t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean() - reach:.3f} to {values.mean() + reach:.3f}"


def _terms(rows: Sequence[Row]) -> str:
    if not rows[0]["document_terms"]:
        return NOTHING
    sides = (np.mean([float(row[name]) for row in rows]) for name in ("query_terms", "document_terms"))
    return " / ".join(f"{terms:.0f}" for terms in sides)


def _number(value: str | float) -> str:
    return f"{float(value):.3f}"
