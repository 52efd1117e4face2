"""What of a student is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from menura.recipe.section import Section

__all__ = ["LoraSettings"]


class LoraSettings(Section):
    """Train low-rank changes of the encoder's weights instead of the weights (Hu et al. 2021, arXiv 2106.09685).

    Each of the `target_modules`, by the ends of their names, gets `alpha / rank` times a product of two matrices of
    `rank`; ``all-linear``: all linear layers but the vocabulary projection. What stands above the encoder is trained
    as ever. The saved student has its changes merged in.
    """

    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32, gt=0)
    target_modules: list[str] | Literal["all-linear"] = "all-linear"
