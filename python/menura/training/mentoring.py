"""From a recipe's `mentor` section to a mentor and the objectives that look at it."""

from __future__ import annotations

from typing import Any

from sentence_transformers import MultiVectorEncoder, SparseEncoder

from menura.errors import MenuraError
from menura.layers import evenly, layer_stack
from menura.losses import (
    Alignment,
    HiddenStateDistance,
    Mentor,
    MentorScores,
    Objective,
    TokenEmbeddings,
    VocabularyVectors,
)
from menura.recipe import ColbertMentorSettings, HiddenStatesSettings, ObjectiveSettings, SpladeMentorSettings
from menura.students import accelerate, load_colbert, load_splade
from menura.training.objectives import build_objectives
from menura.training.weighing import build_weight

__all__ = ["build_mentor"]

AnyStudent = MultiVectorEncoder | SparseEncoder


def build_mentor(
    settings: ColbertMentorSettings | SpladeMentorSettings | None,
    student: AnyStudent,
    mini_batch_size: int | None = None,
) -> tuple[Mentor | None, list[Objective[Any]]]:
    """The mentor and what it passes on; without settings neither.

    Raises:
        MenuraError: the mentor cannot be loaded or cannot read what the student reads, or a layer is not there, or
            states of layers are to be compared in mini-batches, which do not keep them.
    """
    if settings is None:
        return None, []
    if settings.model is None:
        raise MenuraError("[training] the mentor is a student that has not been trained; train it first.")
    if settings.hidden_states is not None and mini_batch_size is not None:
        raise MenuraError(
            "[training] mentor.hidden_states look at the layers of a whole batch, of which mini-batches keep nothing; "
            "leave them out, or mini_batch_size and trainer.accumulation."
        )
    colbert = isinstance(settings, ColbertMentorSettings)
    mentor = Mentor(accelerate(load_colbert(settings.model)) if colbert else accelerate(load_splade(settings.model)))
    try:
        mentor.check(student)
    except ValueError as error:
        raise MenuraError(str(error)) from error
    objectives: list[Objective[Any]] = []
    if settings.scores is not None:
        objectives += map(MentorScores, build_objectives(settings.scores, student, settings.model))
    if settings.hidden_states is not None:
        objectives.append(_hidden_states(settings.hidden_states, student, mentor.model))
    if isinstance(settings, SpladeMentorSettings):
        if settings.vocabulary_vectors is not None:
            objectives.append(VocabularyVectors(**_options(settings.vocabulary_vectors)))
        return mentor, objectives
    if settings.token_embeddings is not None:
        dimensions = (_dimension(student), _dimension(mentor.model))
        objectives.append(TokenEmbeddings(**_options(settings.token_embeddings), dimensions=dimensions))
    if settings.alignment is not None:
        objectives.append(Alignment(**_options(settings.alignment)))
    return mentor, objectives


def _hidden_states(settings: HiddenStatesSettings, student: AnyStudent, mentor: AnyStudent) -> HiddenStateDistance:
    own, other = len(layer_stack(student)), len(layer_stack(mentor))
    pairs = settings.layers or dict(enumerate(evenly(own, other), start=1))
    for who, layers, total in (("student", pairs.keys(), own), ("mentor", pairs.values(), other)):
        if beyond := [layer for layer in layers if not 0 <= layer <= total]:
            raise MenuraError(
                f"[training] mentor.hidden_states names layer {beyond[0]} of the {who}, which has layers 1 to {total} "
                "and 0 for its embeddings."
            )
    widths = (_width(student), _width(mentor))
    return HiddenStateDistance(pairs, distance=settings.distance, widths=widths, weight=build_weight(settings.weight))


def _options(section: ObjectiveSettings) -> dict[str, Any]:
    return {**section.model_dump(exclude={"weight"}), "weight": build_weight(section.weight)}


def _width(model: Any) -> int:
    return int(model.config.hidden_size)


def _dimension(model: AnyStudent) -> int:
    return int(model.get_embedding_dimension() or 0)
