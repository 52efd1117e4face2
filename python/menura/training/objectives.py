"""From a recipe's sections to objectives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sentence_transformers import MultiVectorEncoder, SparseEncoder

from menura.errors import MenuraError
from menura.losses import (
    ConstantMargin,
    Contrastive,
    KLDivergence,
    MarginMSE,
    MaskedWords,
    Objective,
    PointwiseMSE,
    RankNet,
    SimCSE,
)
from menura.recipe import ColbertSettings, ObjectiveSettings, ObjectivesSettings, SpladeSettings
from menura.students import masked_language_model
from menura.training.weighing import build_weight

__all__ = ["build_objectives", "learning_rates"]

Student = MultiVectorEncoder | SparseEncoder

OBJECTIVES: dict[str, type[Objective[Any]]] = {
    "margin_mse": MarginMSE,
    "pointwise_mse": PointwiseMSE,
    "ranknet": RankNet,
    "kl_divergence": KLDivergence,
    "contrastive": Contrastive,
    "constant_margin": ConstantMargin,
    "masked_words": MaskedWords,
    "sim_cse": SimCSE,
}
# What some of them need beside their settings, from the student and its model reference.
PARTS: dict[str, Callable[[Student, str], dict[str, Any]]] = {
    "masked_words": lambda model, reference: {
        "language_model": masked_language_model(model, reference),
        "tokenizer": model.tokenizer,
    },
    "sim_cse": lambda model, _: {"model": model},
}
# What is for the optimizer rather than for the objective.
RATES = {"calibration_learning_rate"}
# At a student's rate it would take thousands of steps to halve a weight.
WEIGHT_LEARNING_RATE = 1e-2


def build_objectives(settings: ObjectivesSettings, model: Student, reference: str) -> list[Objective[Any]]:
    """Those that are chosen, for the student `model`, made of `reference`.

    Raises:
        MenuraError: one does not fit the student.
    """
    try:
        return [_build(name, section, model, reference) for name, section in settings.chosen.items()]
    except ValueError as error:
        raise MenuraError(f"[training] {error}") from error


def _build(name: str, section: ObjectiveSettings, model: Student, reference: str) -> Objective[Any]:
    options = section.model_dump(exclude={"weight", *RATES})
    parts = PARTS[name](model, reference) if name in PARTS else {}
    return OBJECTIVES[name](**options, **parts, weight=build_weight(section.weight))


def learning_rates(settings: ColbertSettings | SpladeSettings) -> dict[str, float]:
    """The rates of parameters that objectives learn, by patterns of how their names begin in the loss."""
    mentor = settings.mentor
    of_mentor = None if mentor is None else mentor.scores
    places = {r"objectives\.\d+": settings.objectives, r"objectives\.\d+\.objective": of_mentor}
    learned = {place: section.pointwise_mse for place, section in places.items() if section is not None}
    rates = {
        rf"{place}\.calibration\.": section.calibration_learning_rate
        for place, section in learned.items()
        if section is not None and section.learn_calibration
    }
    if any(section.weight.learned for section in _sections(settings)):
        rates[r"objectives\.\d+\.weight\."] = WEIGHT_LEARNING_RATE
    return rates


def _sections(settings: ColbertSettings | SpladeSettings) -> list[ObjectiveSettings]:
    """Those of all objectives, the mentor's as well."""
    found = list(settings.objectives.chosen.values())
    if settings.mentor is not None:
        named = [getattr(settings.mentor, name) for name in type(settings.mentor).model_fields]
        found += [section for section in named if isinstance(section, ObjectiveSettings)]
        found += settings.mentor.scores.chosen.values() if settings.mentor.scores is not None else ()
    return found
