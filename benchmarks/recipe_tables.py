"""Tables of what `benchmarks/recipes.py` has measured."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import t as student_t

from menura.bench.cells import NOTHING
from menura.bench.tables import markdown

__all__ = ["QUALITY", "answers", "budgets", "read", "recipes"]

Row = dict[str, str]
QUALITY = "nDCG@10"
CONFIDENCE = 0.95
# What runs under a budget are called, before its number.
BUDGET = "budget_"
# Of whom nothing was trained: once is enough.
UNTRAINED = ("BM25", "Teacher on BM25 top 10", "ColBERT start", "SPLADE start")


def read(path: Path) -> list[Row]:
    """The rows of a CSV; none where there is no file yet."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def recipes(rows: Sequence[Row]) -> str:
    """Every run and student: quality over seeds, terms, steps and minutes."""
    header = ["Run", "Student", "nDCG@10", "95 % over seeds", "seeds", "terms q/d", "steps", "minutes"]
    begun = [next(row for row in rows if row["system"] == system) for system in UNTRAINED]
    cells = [[row["system"], "", _number(row[QUALITY]), *[NOTHING] * 2, _terms([row]), *[NOTHING] * 2] for row in begun]
    for group in _by_run(rows):
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


def budgets(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """The finished SPLADEs by their budget, over seeds."""
    groups = (group for group in _by_run(rows) if group[0]["run"].startswith(BUDGET))
    return {int(group[0]["run"].removeprefix(BUDGET)): group for group in groups}


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
