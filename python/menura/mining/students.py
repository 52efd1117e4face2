"""The students as miners: what one finds near a query and should not is what it has to learn next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sentence_transformers import MultiVectorEncoder, SparseEncoder

from menura.collections import Collection
from menura.mining.miner import Miner, with_text
from menura.mining.pool import mining_pool
from menura.recipe import MiningSettings, StudentsSettings
from menura.students import ColbertIndex, SpladeIndex, accelerate, build_colbert, build_splade

__all__ = ["ColbertMiner", "SpladeMiner", "student_miners"]


class ColbertMiner(ColbertIndex):
    """MaxSim over `corpus` (passage id -> text), which is encoded once. Blank passages are never found.

    Raises:
        MenuraError: no passage has text.
    """

    def __init__(
        self, model: MultiVectorEncoder, corpus: Mapping[str, str], *, batch_size: int = 64, bf16: bool = False
    ) -> None:
        super().__init__(accelerate(model), with_text(corpus), batch_size=batch_size, bf16=bf16)


class SpladeMiner(SpladeIndex):
    """Dot products over `corpus` (passage id -> text), which is encoded once. Blank passages are never found.

    Raises:
        MenuraError: no passage has text.
    """

    def __init__(
        self, model: SparseEncoder, corpus: Mapping[str, str], *, batch_size: int = 64, bf16: bool = False
    ) -> None:
        super().__init__(accelerate(model), with_text(corpus), batch_size=batch_size, bf16=bf16)


def student_miners(
    folders: Mapping[str, Path], students: StudentsSettings, settings: MiningSettings, collection: Collection
) -> dict[str, Miner]:
    """The students saved in `folders` (``colbert``, ``splade``), over the passages that may be mined."""
    pool = mining_pool(collection, settings) if folders else {}
    miners: dict[str, Miner] = {}
    if "colbert" in folders and students.colbert is not None:
        colbert = build_colbert(students.colbert.trained(folders["colbert"]))
        miners["colbert"] = ColbertMiner(colbert, pool, batch_size=settings.batch_size, bf16=settings.bf16)
    if "splade" in folders and students.splade is not None:
        splade = build_splade(students.splade.trained(folders["splade"]))
        miners["splade"] = SpladeMiner(splade, pool, batch_size=settings.batch_size, bf16=settings.bf16)
    return miners
