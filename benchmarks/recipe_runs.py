"""Which recipes and variants of them are run, and what is asked of their results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from menura.recipe import Recipe, load_recipe

__all__ = ["BUDGET", "DENSE_BUDGET", "DENSE_START", "HOLDS", "QUESTIONS", "RUNS", "SEEDS", "Hold", "Run"]

SEEDS = (42, 43, 44)
FOLDER = "$FOLDER"
# A SPLADE with more active terms than the demo's, in that folder.
DENSE_START = "dense_start"
# What runs under a budget are called, before its number: from the demo's SPLADE, and from the dense one.
BUDGET, DENSE_BUDGET = "budget_", "dense_budget_"


@dataclass(frozen=True)
class Run:
    """A recipe with some settings, in so many processes. `FOLDER` in a setting is where all runs are."""

    name: str
    recipe: str
    settings: tuple[str, ...] = ()
    processes: int = 1

    @cached_property
    def loaded(self) -> Recipe:
        """What it says."""
        return load_recipe(self.recipe, self.settings)

    @property
    def students(self) -> list[str]:
        """Those that it trains."""
        return [name for name in ("colbert", "splade") if getattr(self.loaded.students, name) is not None]

    @property
    def collection(self) -> dict[str, Any]:
        """What runs must have in common for the candidates of one to be those of the other."""
        return self.loaded.model_dump(include={"collection", "mining", "seed"})

    def seeded(self, seed: int) -> Run:
        """The same with a teacher and students of another seed; collection and negatives stay."""
        trained = [f"students.{student}" for student in self.students]
        teacher = self.loaded.teacher
        if teacher is not None and teacher.finetune is not None:
            trained.append("teacher.finetune")
        return self.with_settings(*(f"{part}.trainer.seed={seed}" for part in trained))

    def with_settings(self, *settings: str) -> Run:
        """The same with more settings."""
        return replace(self, settings=(*self.settings, *settings))

    def command(self, output: Path) -> list[str]:
        """What repeats it."""
        settings = [f"--set={each.replace(FOLDER, str(output.parent))}" for each in self.settings]
        return [*self._program, "run", self.recipe, "--output", str(output), *settings]

    @property
    def _program(self) -> list[str]:
        if self.processes == 1:
            return ["menura"]
        return ["torchrun", "--standalone", "--nproc-per-node", str(self.processes), "-m", "menura.cli"]


class Hold(NamedTuple):
    """Budgets that are to be met after so many steps of `processes` times `batch_size` queries, with short texts."""

    processes: int
    batch_size: int
    steps: int
    documents: int
    queries: int

    @property
    def run(self) -> Run:
        """What does it."""
        settings = {
            "max_length": 32,
            "negatives": 1,
            "budget": f"{{documents: {self.documents}, queries: {self.queries}}}",
            "trainer.batch_size": self.batch_size,
            "trainer.max_steps": self.steps,
        }
        return Run(
            "_".join(map(str, ("hold", *self))),
            "splade_budget",
            tuple(f"students.splade.{name}={value}" for name, value in settings.items()),
            self.processes,
        )


def budget_of(documents: int) -> tuple[str, ...]:
    """The setting that gives them a budget."""
    return (f"students.splade.budget={{documents: {documents}}}",)


# The demo has regression and, beside it, the passages of the whole batch.
SPLADE_OBJECTIVES = {
    "splade_regression": "pointwise_mse: {}",
    "splade_margins": "margin_mse: {pairs: all}",
    "splade_margins_contrastive": "margin_mse: {pairs: all, weight: 0.05}, contrastive: {temperature: 1.0}",
}
SCORES_ALONE = tuple(
    f"students.colbert.mentor.{name}=null" for name in ("token_embeddings", "hidden_states", "alignment")
)
VECTORS_ALONE = tuple(f"students.splade.mentor.{name}=null" for name in ("vocabulary_vectors", "hidden_states"))
ONE_LAYER = ("students.splade.model=package:cognition", "students.splade.mentor=null")
DENSE = f"students.splade.model={FOLDER}/{DENSE_START}"
BUDGETS, DENSE_BUDGETS = (12, 25, 50, 100, 200, 400), (50, 100, 200, 400)
# Other batches and processes than the recipe's, and shorter and longer trainings. Both budgets are the same part of the
# 65 and 39 terms that these texts have at the start.
HOLDS = [
    Hold(1, 8, 72, 35, 21),
    Hold(1, 8, 144, 35, 21),
    Hold(1, 8, 288, 35, 21),
    Hold(1, 8, 144, 50, 30),
    Hold(2, 4, 144, 35, 21),
    Hold(2, 16, 144, 35, 21),
    Hold(1, 32, 72, 35, 21),
    Hold(1, 32, 144, 35, 21),
    Hold(1, 32, 144, 20, 12),
    Hold(1, 128, 72, 35, 21),
]
RUNS = [
    Run("demo", "demo"),
    Run("labels_only", "labels_only"),
    Run("constant_margin", "constant_margin"),
    Run("kl_divergence", "kl_divergence"),
    Run("ranknet", "ranknet"),
    *(
        Run(name, "demo", ("students.colbert=null", f"students.splade.objectives={{{objective}}}"))
        for name, objective in SPLADE_OBJECTIVES.items()
    ),
    Run("splade_v3", "splade_v3"),
    # Each well before its variant, which takes over its mentor.
    Run("self_distillation", "self_distillation"),
    Run("splade_self_distillation", "splade_self_distillation"),
    Run("three_layers", "demo", ("students.splade=null", "students.colbert.layers={evenly: 3}")),
    Run("one_layer", "splade_self_distillation", ONE_LAYER),
    Run("joint", "joint"),
    Run("multi_task", "multi_task"),
    Run("self_distillation_scores", "self_distillation", SCORES_ALONE),
    Run("splade_self_distillation_scores", "splade_self_distillation", VECTORS_ALONE),
    Run("online", "online"),
    Run("online_without_mining", "online", ("online.refresh=null",)),
    Run("large_batches", "large_batches"),
    *(Run(f"{BUDGET}{terms}", "splade_budget", budget_of(terms)) for terms in BUDGETS),
    *(Run(f"{DENSE_BUDGET}{terms}", "splade_budget", (DENSE, *budget_of(terms))) for terms in DENSE_BUDGETS),
    *(hold.run for hold in HOLDS),
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
    ("splade", "splade_margins_contrastive", "labels_only"),
    ("splade", "demo", "splade_margins_contrastive"),
    ("splade", "demo", "splade_regression"),
    ("splade", "splade_regression", "labels_only"),
    ("splade", "splade_regression", "splade_margins"),
    ("splade", "splade_regression", "splade_v3"),
    ("splade", "multi_task", "demo"),
    ("splade", "splade_self_distillation", "splade_self_distillation_scores"),
    ("splade", "splade_self_distillation", "one_layer"),
    ("splade", "splade_self_distillation_scores", "one_layer"),
    ("splade", "online", "online_without_mining"),
]
