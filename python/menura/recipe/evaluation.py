"""How it is measured."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from menura.recipe.precision import Bf16
from menura.recipe.section import Section

__all__ = ["EvaluationSettings"]


class EvaluationSettings(Section):
    """Exact search over the whole corpus for the held-out queries of `split`: the best `depth`, of which teachers
    re-rank BM25's best `rerank_depth`.
    """

    split: str = "test"
    depth: int = Field(default=100, ge=1)
    rerank_depth: int = Field(default=100, ge=1)
    batch_size: int = Field(default=64, ge=1)
    bf16: Bf16 = False

    @field_validator("depth")
    @classmethod
    def _reaches_every_measure(cls, depth: int) -> int:
        if depth < 100:
            raise ValueError("Recall@100 looks at 100 passages of a query; search for 100 or more")
        return depth

    @field_validator("rerank_depth")
    @classmethod
    def _has_been_searched(cls, rerank_depth: int, info: ValidationInfo) -> int:
        depth = info.data.get("depth", rerank_depth)  # missing where it was refused itself
        if rerank_depth > depth:
            raise ValueError(f"only depth = {depth} passages are searched for; raise depth, or re-rank so many")
        return rerank_depth
