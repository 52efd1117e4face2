"""What the objectives on lists of scores ask of their arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

__all__ = ["check_choice", "check_lists", "check_shape", "check_temperature", "check_weights"]


def check_lists(room: str, student: Tensor, teacher: Tensor, weights: Tensor | None = None) -> None:
    """Student and teacher are both `[B,N]` with N of 2 or more, and so are the weights.

    Raises:
        ValueError: they are not.
    """
    if student.shape != teacher.shape or student.dim() != 2 or student.shape[1] < 2:
        raise ValueError(
            f"[{room}] student and teacher must both be [B,N] with N of 2 or more; "
            f"got {list(student.shape)} and {list(teacher.shape)}."
        )
    check_weights(room, teacher, weights)


def check_shape(room: str, student: Tensor, teacher: Tensor, weights: Tensor | None = None) -> None:
    """Student, teacher and weights have one shape, whichever it is.

    Raises:
        ValueError: they have not.
    """
    if student.shape != teacher.shape:
        raise ValueError(
            f"[{room}] student and teacher must have one shape; got {list(student.shape)} and {list(teacher.shape)}."
        )
    check_weights(room, teacher, weights)


def check_weights(room: str, scores: Tensor, weights: Tensor | None) -> None:
    """There is a weight for each score, or none at all.

    Raises:
        ValueError: there is not.
    """
    if weights is not None and weights.shape != scores.shape:
        raise ValueError(f"[{room}] weights must be {list(scores.shape)} as the logits; got {list(weights.shape)}.")


def check_temperature(room: str, **temperatures: float) -> None:
    """They are above zero and finite.

    Raises:
        ValueError: one is not.
    """
    for name, temperature in temperatures.items():
        if not 0 < temperature < math.inf:
            raise ValueError(f"[{room}] {name} must be above 0; got {temperature}.")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """It is one of those that there are.

    Raises:
        ValueError: it is not.
    """
    if value not in choices:
        raise ValueError(f"[losses] {name} must be one of {', '.join(choices)}; got {value!r}.")
