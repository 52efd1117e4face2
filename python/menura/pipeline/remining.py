"""Students in training as miners of their own negatives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentence_transformers import MultiVectorEncoder

from menura.collections import Collection
from menura.launch import ALONE, in_turn, launched
from menura.losses import JointDistillationLoss
from menura.mining import Candidates, ColbertMiner, SpladeMiner, mining_pool, refresh_candidates, sample_pool
from menura.progress import step
from menura.recipe import MiningSettings, RefreshSettings

__all__ = ["StudentRemining"]


class StudentRemining:
    """Mines when `menura.training.OnlineExamples` asks for it, and keeps what it found in `folder`, step by step.

    Args:
        students: their names as miners; two of them teach each other.
        candidates: those that the training began with; their miners keep their turns.
    """

    def __init__(
        self,
        students: Sequence[str],
        candidates: Candidates,
        collection: Collection,
        settings: RefreshSettings,
        mining: MiningSettings,
        folder: Path,
        *,
        seed: int,
    ) -> None:
        self.every = settings.every
        self._students = tuple(students)
        self._candidates = candidates
        self._collection = collection
        self._settings = settings
        self._mining = mining
        self._folder = folder
        self._seed = seed

    def mine(self, model: Any, query_ids: Sequence[str], step_number: int) -> dict[str, tuple[list[str], list[str]]]:
        """New candidates for some queries, from `model` as it is after a step; the first process finds them for all."""
        process = launched() or ALONE
        with in_turn():
            if process.is_first:
                self._mine(model, query_ids, step_number)
            return self.kept(step_number)

    def kept(self, step_number: int) -> dict[str, tuple[list[str], list[str]]]:
        """What was mined after that step."""
        return Candidates.read(self._path(step_number)).by_query()

    def _mine(self, model: Any, query_ids: Sequence[str], step_number: int) -> None:
        with step(f"mine after step {step_number}") as done:
            pool = mining_pool(self._collection, self._mining)
            passages = sample_pool(pool, self._settings.pool, seed=f"{self._seed} {step_number}")
            found = refresh_candidates(
                self._candidates,
                self._collection,
                query_ids,
                {name: self._miner(student, passages) for name, student in self._trained(model).items()},
                depth=self._settings.depth,
                negatives=self._mining.negatives,
            )
            path = self._path(step_number)
            found.write(path)
            new = sum(origin in self._students for origin in found.table["origin"].to_pylist())
            done(f"{new:,} negatives for {len(query_ids):,} queries among {len(passages):,} passages; {path}")

    def _trained(self, model: Any) -> dict[str, Any]:
        """By name, the students that `model` is or holds."""
        if isinstance(model, JointDistillationLoss):
            return {name: getattr(model, name).model for name in self._students}
        return dict.fromkeys(self._students, model)

    def _miner(self, student: Any, passages: dict[str, str]) -> ColbertMiner | SpladeMiner:
        kind = ColbertMiner if isinstance(student, MultiVectorEncoder) else SpladeMiner
        return kind(student, passages, batch_size=self._mining.batch_size, bf16=self._mining.bf16)

    def _path(self, step_number: int) -> Path:
        return self._folder / f"step_{step_number}" / "candidates.parquet"
