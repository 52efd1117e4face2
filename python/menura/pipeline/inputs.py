"""What each step of a recipe follows from: where that has changed, the step is done again."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from menura.collections import Collection
from menura.mining import training_list_digest
from menura.pipeline.panel import Panel
from menura.pipeline.roster import Roster
from menura.recipe import NOT_LEARNED, Recipe
from menura.stage import identity
from menura.weights import reference_digest

__all__ = ["Inputs"]


class Inputs:
    """The inputs of each `menura.stage.Stage`: of a later step, hashes of those before it.

    Args:
        collection: opens the recipe's when called.
        panel: gives its teachers when called, of whose identity some have to be fine-tuned first.
    """

    def __init__(
        self, recipe: Recipe, roster: Roster, collection: Callable[[], Collection], panel: Callable[[], Panel]
    ) -> None:
        self._recipe = recipe
        self._roster = roster
        self._collection = collection
        self._panel = panel

    def candidates(self, turn: int) -> str:
        """Those of a round's candidates: from the second on, also the students that mine."""
        if turn == 1:
            return self._first_candidates
        mining = [self.student(student, turn - 1) for student in self._roster.miners]
        return identity([self._first_candidates, mining])

    def student(self, student: str, turn: int) -> list[Any]:
        """Those of a student trained in a round; where they are joint, the other's as well."""
        together = self._roster.trained_with(student)
        if self._recipe.joint is None or len(together) == 1:
            return self._own(student, turn)
        return [self._recipe.joint.model_dump(), *(self._own(name, turn) for name in together)]

    @cached_property
    def _first_candidates(self) -> str:
        recipe, collection = self._recipe, self._collection()
        mining = recipe.mining.model_dump(exclude={"cache", "cache_gb"})
        judged = collection.qrels.get("train", {})
        held_out = {query_id for qrels in collection.qrels.values() for query_id in qrels if query_id not in judged}
        queries = {query_id: text for query_id, text in collection.queries.items() if query_id not in held_out}
        return identity(
            [
                *(collection.corpus, queries, judged, mining, recipe.seed),
                reference_digest(recipe.mining.dense_model),
                training_list_digest(recipe.mining.training_list),
            ]
        )

    def _labels(self, turn: int) -> str:
        return identity([self.candidates(turn), self._panel().identity if self._recipe.all_teachers else None])

    def _own(self, student: str, turn: int) -> list[Any]:
        recipe, model = self._recipe, self._roster.model(student)
        told = model.settings.model_dump(exclude={"trainer": NOT_LEARNED})
        inputs: list[Any] = [told, model.seed, *map(reference_digest, model.references), self._labels(turn)]
        if turn > 1 and recipe.rounds.start == "previous":
            inputs.append(self.student(student, turn - 1))
        if recipe.online is not None:
            inputs.append(recipe.online.model_dump(exclude={"worker", "device"}))
        return inputs
