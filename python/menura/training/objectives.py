"""From a recipe's sections to objectives."""

from __future__ import annotations

from typing import Any

from menura.losses import Flops, MarginMSE, Objective, PointwiseMSE, Regularizer
from menura.recipe import ObjectivesSettings, SpladeSettings

__all__ = ["build_objectives", "build_regularizers"]

OBJECTIVES: dict[str, type[Objective[Any]]] = {"margin_mse": MarginMSE, "pointwise_mse": PointwiseMSE}


def build_objectives(settings: ObjectivesSettings) -> list[Objective[Any]]:
    """Those that are chosen."""
    chosen = {name: getattr(settings, name) for name in OBJECTIVES}
    return [OBJECTIVES[name](**section.model_dump()) for name, section in chosen.items() if section is not None]


def build_regularizers(settings: SpladeSettings) -> list[Regularizer]:
    """What keeps a SPLADE's documents and queries sparse."""
    return [
        Flops("document", weight=settings.document_regularizer),
        Flops("query", weight=settings.query_regularizer),
    ]
