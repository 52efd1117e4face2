"""A tiny SPLADE trained under a budget: in one process by tests, in two of them under torchrun."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from datasets import Dataset

from menura.recipe import SpladeSettings
from menura.students import build_splade
from menura.training import train_splade
from tiny import WORDS

ROWS = 48


def examples():
    """Passages of six to nine words, of which a query has two."""
    rows = []
    for i in range(ROWS):
        passages = [[WORDS[(7 * i + 11 * n + 3 * k) % len(WORDS)] for k in range(6 + (i + n) % 4)] for n in range(2)]
        row = {f"passage_{n}": " ".join(words) for n, words in enumerate(passages, 1)}
        rows.append({"query": " ".join(passages[0][:2]), **row, "label": [2.0, -1.0 - 0.01 * i]})
    return Dataset.from_list(rows)


def settings(model, *, steps=60, batch_size=16, **options):
    trainer = {"max_steps": steps, "batch_size": batch_size, "learning_rate": 2e-3, "logging_steps": 1}
    return SpladeSettings.model_validate(
        {
            "model": str(model),
            "negatives": 1,
            "dropout": 0.0,
            **options,
            "trainer": {**trainer, **options.get("trainer", {})},
        }
    )


def train(chosen, output):
    """The student and the history."""
    model = build_splade(chosen)
    return model, train_splade(model, chosen, examples(), output=output, seed=1).history


def column(history, name):
    return [float(entry[name]) for entry in history if name in entry]


def main(folder):
    torch.set_num_threads(1)
    chosen = settings(folder / "lm", steps=8, batch_size=8, budget={"documents": 20, "queries": 12})
    _, history = train(chosen, folder / "together" / os.environ["RANK"])
    (folder / f"history_{os.environ['RANK']}.json").write_text(json.dumps(history))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
