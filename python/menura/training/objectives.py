"""From a recipe's sections to objectives."""

from __future__ import annotations

from typing import Any

from menura.losses import (
    ConstantMargin,
    Contrastive,
    KLDivergence,
    MarginMSE,
    Objective,
    PointwiseMSE,
    RankNet,
)
from menura.recipe import ObjectivesSettings

__all__ = ["build_objectives", "learning_rates"]

OBJECTIVES: dict[str, type[Objective[Any]]] = {
    "margin_mse": MarginMSE,
    "pointwise_mse": PointwiseMSE,
    "ranknet": RankNet,
    "kl_divergence": KLDivergence,
    "contrastive": Contrastive,
    "constant_margin": ConstantMargin,
}
# What is for the optimizer rather than for the objective.
RATES = {"calibration_learning_rate"}


def build_objectives(settings: ObjectivesSettings) -> list[Objective[Any]]:
    """Those that are chosen."""
    return [OBJECTIVES[name](**section.model_dump(exclude=RATES)) for name, section in settings.chosen.items()]


def learning_rates(settings: ObjectivesSettings) -> dict[str, float]:
    """The rates of parameters that objectives learn, by patterns of how their names begin in the loss."""
    learned = settings.pointwise_mse
    if learned is None or not learned.learn_calibration:
        return {}
    return {r"objectives\.\d+\.calibration\.": learned.calibration_learning_rate}
