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
from menura.recipe import ColbertSettings, ObjectivesSettings, SpladeSettings

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


def learning_rates(settings: ColbertSettings | SpladeSettings) -> dict[str, float]:
    """The rates of parameters that objectives learn, by patterns of how their names begin in the loss."""
    of_mentor = settings.mentor.scores if settings.mentor is not None else None
    places = {r"objectives\.\d+": settings.objectives, r"objectives\.\d+\.objective": of_mentor}
    learned = {place: section.pointwise_mse for place, section in places.items() if section is not None}
    return {
        rf"{place}\.calibration\.": section.calibration_learning_rate
        for place, section in learned.items()
        if section is not None and section.learn_calibration
    }
