"""A student of a recipe, as it starts or as it was trained: trained further, searched with, asked for scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from datasets import Dataset

from menura.collections import Run
from menura.recipe import ColbertSettings, EvaluationSettings, JointSettings, SpladeSettings
from menura.students import (
    ColbertIndex,
    Search,
    SpladeIndex,
    accelerate,
    build_colbert,
    build_splade,
    colbert_search,
    splade_search,
)
from menura.training import OnlineExamples, train_colbert, train_joint, train_splade

__all__ = ["TITLES", "Student", "StudentModel", "train_together"]

Student = Literal["colbert", "splade"]
TITLES: dict[Student, str] = {"colbert": "ColBERT", "splade": "SPLADE"}


@dataclass(frozen=True)
class StudentModel:
    """A student by its settings, whose `model` may be the folder of a trained one."""

    settings: ColbertSettings | SpladeSettings
    evaluation: EvaluationSettings
    seed: int

    def at(self, folder: Path) -> StudentModel:
        """The same student with the weights in `folder`."""
        return StudentModel(self.settings.trained(folder), self.evaluation, self.seed)

    @property
    def title(self) -> str:
        """What kind of student it is."""
        return TITLES["colbert" if isinstance(self.settings, ColbertSettings) else "splade"]

    @property
    def references(self) -> list[str | None]:
        """Every model that its weights come from, those of its mentors included."""
        mentor = self.mentor
        return [self.settings.model, *(mentor.references if mentor is not None else [])]

    @property
    def mentor(self) -> StudentModel | None:
        """Its mentor, which may have to be trained first."""
        mentor = self.settings.mentor
        if mentor is None:
            return None
        settings = mentor.student or type(self.settings)(model=mentor.model)
        return StudentModel(settings, self.evaluation, self.seed)

    def mentored(self, folder: Path) -> StudentModel:
        """The same student with a mentor that has been trained to `folder`."""
        return StudentModel(self.settings.mentored(folder), self.evaluation, self.seed)

    def train(self, examples: Dataset | OnlineExamples, output: Path) -> None:
        """Distil it from `examples` into `output`."""
        if isinstance(self.settings, ColbertSettings):
            model = build_colbert(self.settings, seed=self.seed)
            train_colbert(model, self.settings, examples, output=output, seed=self.seed)
        else:
            train_splade(build_splade(self.settings), self.settings, examples, output=output, seed=self.seed)

    def search(self, corpus: Mapping[str, str], queries: Mapping[str, str]) -> Search:
        """Rank all of `corpus` for `queries`."""
        depth = self.evaluation.depth
        if isinstance(self.settings, ColbertSettings):
            colbert = accelerate(build_colbert(self.settings, seed=self.seed))
            return colbert_search(colbert, corpus, queries, depth=depth, **self._options)
        return splade_search(accelerate(build_splade(self.settings)), corpus, queries, depth=depth, **self._options)

    def score(
        self, corpus: Mapping[str, str], queries: Mapping[str, str], passages: Mapping[str, Sequence[str]]
    ) -> Run:
        """Score `passages` of `corpus` (ids by query id) for `queries`."""
        chosen = {passage_id for found in passages.values() for passage_id in found}
        texts = {passage_id: corpus[passage_id] for passage_id in sorted(chosen)}
        if isinstance(self.settings, ColbertSettings):
            colbert = accelerate(build_colbert(self.settings, seed=self.seed))
            return ColbertIndex(colbert, texts, **self._options).score(queries, passages)
        splade = accelerate(build_splade(self.settings))
        return SpladeIndex(splade, texts, **self._options).score(queries, passages)

    @property
    def _options(self) -> dict[str, Any]:
        return {"batch_size": self.evaluation.batch_size, "bf16": self.evaluation.bf16}


def train_together(
    models: Mapping[str, StudentModel], settings: JointSettings, examples: Dataset | OnlineExamples, output: Path
) -> None:
    """Distil a ColBERT and a SPLADE that teach each other into folders of their names; the rest goes into `joint`."""
    colbert, splade = models["colbert"], models["splade"]
    colbert_settings, splade_settings = cast(ColbertSettings, colbert.settings), cast(SpladeSettings, splade.settings)
    train_joint(
        (build_colbert(colbert_settings, seed=colbert.seed), colbert_settings),
        (build_splade(splade_settings), splade_settings),
        settings,
        examples,
        folders={name: output / name for name in TITLES},
        output=output / "joint",
        seed=colbert.seed,
    )
