"""The tables in the documents are those of the committed figures: after a measurement, `python benchmarks/draw.py`."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from menura.bench import results, tables

ROOT = Path(__file__).parents[2]
OPERATORS, SHAPES, STEPS = "operators_cpu.csv", "shapes_cpu.csv", "training_cpu.csv"


@pytest.mark.parametrize(
    ("document", "section", "draw", "figures"),
    [
        ("README.md", "speed", tables.speed, OPERATORS),
        ("README.md", "memory", tables.memory, OPERATORS),
        ("README.md", "training", tables.training, STEPS),
        ("benchmarks/README.md", "everything", tables.everything, OPERATORS),
        ("benchmarks/README.md", "other shapes", tables.other_shapes, SHAPES),
    ],
)
def test_documents_show_the_committed_figures(document, section, draw, figures):
    text = (ROOT / document).read_text(encoding="utf-8")
    drawn = draw(results.read(ROOT / "benchmarks" / "results" / figures))
    assert tables.redraw(text, section, drawn) == text


@pytest.mark.parametrize(
    ("section", "figures"),
    [("recipes", "recipes.csv"), ("answers", "recipes_compared.csv"), ("holds", "recipes.csv")],
)
def test_results_show_the_committed_runs(monkeypatch, section, figures):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    recipe_tables = importlib.import_module("recipe_tables")
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    drawn = getattr(recipe_tables, section)(recipe_tables.read(ROOT / "benchmarks" / "results" / figures))
    assert tables.redraw(text, section, drawn) == text
