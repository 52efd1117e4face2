"""From a recipe's sections to regularizers."""

from __future__ import annotations

from typing import Any

from menura.losses import L1, AntiZero, DocumentFrequencyFlops, Flops, Regularizer
from menura.losses.sparsity import Side
from menura.recipe import SpladeSettings

__all__ = ["SIDES", "build_regularizers"]

# What a recipe calls the sides, in the order of the objectives.
SIDES: dict[str, Side] = {"documents": "document", "queries": "query"}
PENALTIES: dict[str, type[Regularizer]] = {
    "flops": Flops,
    "df_flops": DocumentFrequencyFlops,
    "l1": L1,
    "anti_zero": AntiZero,
}


def build_regularizers(settings: SpladeSettings, *, vocabulary: int) -> list[Regularizer]:
    """What keeps a SPLADE of `vocabulary` terms sparse: the documents' penalties, then the queries'."""
    return [
        PENALTIES[name](SIDES[side], **_options(section.model_dump(), name, vocabulary))
        for side in SIDES
        for name in PENALTIES
        if (section := getattr(settings.penalties(side), name)) is not None
    ]


def _options(options: dict[str, Any], name: str, vocabulary: int) -> dict[str, Any]:
    return {**options, "vocabulary": vocabulary} if name == "df_flops" else options
