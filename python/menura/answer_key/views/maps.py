"""Maps from one teacher's scale to another scale, fitted once and kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.errors import MenuraError

__all__ = ["Linear", "ScoreMap", "Steps", "match_moments"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Linear:
    """`scale * x + offset`."""

    scale: float = 1.0
    offset: float = 0.0

    def __call__(self, scores: Floats) -> Floats:
        return self.scale * scores + self.offset


@dataclass(frozen=True)
class Steps:
    """Straight lines between the points `(x, y)`, level beyond them; NaN stays NaN."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, scores: Floats) -> Floats:
        return np.interp(scores, self.x, self.y)


ScoreMap = Linear | Steps


def match_moments(scores: Floats, reference: Floats, *, name: str, like: str) -> Linear:
    """The map that gives `scores [P]` the mean and standard deviation of `reference [P]`, where both are there.

    As SPLADE-v3 rescales its ensemble (arXiv 2403.06789).

    Raises:
        MenuraError: all scores of one of the two are the same, or there are none.
    """
    both = ~np.isnan(scores) & ~np.isnan(reference)
    if not both.any():
        raise MenuraError(f"[view] {name} and {like} have no pair in common; no scale can be taken over.")
    scores, reference = scores[both], reference[both]
    for side, values in ((name, scores), (like, reference)):
        if values.min() == values.max():
            raise MenuraError(
                f"[view] the scores of {side} are {values[0]:g} on all {len(values)} pairs; they have no scale to "
                "bring to another."
            )
    scale = float(reference.std() / scores.std())
    return Linear(scale, float(reference.mean() - scale * scores.mean()))
