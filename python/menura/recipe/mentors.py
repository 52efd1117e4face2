"""What a larger student passes on to a smaller one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from menura.recipe.objectives import ObjectiveSettings, ObjectivesSettings
from menura.recipe.section import Section

__all__ = [
    "AlignmentSettings",
    "HiddenStatesSettings",
    "MentorSettings",
    "TokenEmbeddingsSettings",
    "VocabularyVectorsSettings",
]


class HiddenStatesSettings(ObjectiveSettings):
    """States of the student's layers against those of the mentor's.

    `layers` pairs them, student: mentor, counted from 1; 0 are the embeddings below them. None: each of the student's
    layers with one of the mentor's, at even distances.
    """

    layers: dict[int, int] | None = Field(default=None, min_length=1)
    distance: Literal["cosine", "mse"] = "mse"


class TokenEmbeddingsSettings(ObjectiveSettings):
    """The embedding of each token."""

    distance: Literal["cosine", "mse"] = "cosine"


class AlignmentSettings(ObjectiveSettings):
    """Which document token each query token chooses: the mentor's similarities as probabilities, or its choice alone.

    Similarities of unit vectors lie in -1 to 1; a `temperature` well below that tells them apart.
    """

    targets: Literal["soft", "hard"] = "soft"
    temperature: float = Field(default=0.1, gt=0)


class VocabularyVectorsSettings(ObjectiveSettings):
    """The weight of every term; ``kl`` compares the vectors as distributions over the terms, at `temperature`."""

    distance: Literal["kl", "mse"] = "mse"
    temperature: float = Field(default=0.25, gt=0)


class MentorSettings(Section):
    """A larger student: the folder or name of one, `model`; or a `student` of the same recipe that is trained first.

    `scores` are objectives whose teacher are the mentor's own scores.
    """

    model: str | None = None
    scores: ObjectivesSettings | None = None
    hidden_states: HiddenStatesSettings | None = None

    @field_validator("scores")
    @classmethod
    def _look_at_the_mentor(cls, value: ObjectivesSettings | None) -> ObjectivesSettings | None:
        if value is not None and (others := [name for name in value.chosen if name not in value.need_logits]):
            raise ValueError(f"{' and '.join(others)} never look at a mentor's scores; name them under objectives")
        return value
