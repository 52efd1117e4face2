"""How it is measured."""

from __future__ import annotations

from pydantic import Field

from menura.recipe.section import Section

__all__ = ["EvaluationSettings"]


class EvaluationSettings(Section):
    """Exact search over the whole corpus for the held-out queries of `split`."""

    split: str = "test"
    depth: int = Field(default=100, ge=1)
    rerank_depth: int = Field(default=100, ge=1)
    batch_size: int = Field(default=64, ge=1)
    bf16: bool = False
