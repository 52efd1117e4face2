"""Pairs on which teachers contradict one another, or a label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.views.grouping import Groups
from menura.recipe.view import LabelContradictionSettings, TeacherContradictionSettings

__all__ = ["Contradiction", "between_teachers", "with_labels"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contradiction:
    """The pair at `position`: what is the matter, what it still counts (`weight`), and the passage it lost to."""

    position: int
    weight: float
    why: str
    rival: int | None = None


def between_teachers(
    standardised: Floats, teachers: list[str], settings: TeacherContradictionSettings
) -> list[Contradiction]:
    """Pairs whose standardised scores `[T,P]` lie more than `settings.spread` apart."""
    speaking = ~np.isnan(standardised)
    high = np.where(speaking, standardised, -np.inf)
    low = np.where(speaking, standardised, np.inf)
    found = []
    for position in np.flatnonzero(high.max(0) - low.min(0) > settings.spread).tolist():
        top, bottom = int(high[:, position].argmax()), int(low[:, position].argmin())
        why = (
            f"{teachers[top]} is at {standardised[top, position]:+.2f} standard deviations, "
            f"{teachers[bottom]} at {standardised[bottom, position]:+.2f}"
        )
        found.append(Contradiction(position, settings.weight, why))
    return found


def with_labels(
    scores: Floats, labels: Floats, groups: Groups, settings: LabelContradictionSettings, *, deviation: float
) -> list[Contradiction]:
    """Relevant passages with `settings.above` others of their query that score higher by more than the margin.

    Args:
        scores: `[P]` of the view, NaN where it has none.
        labels: grades `[P]`, NaN where nobody judged.
        deviation: the standard deviation in which the margin counts.
    """
    found = []
    for members in groups.members():
        members = members[~np.isnan(scores[members])]
        relevant = labels[members] >= 1
        others = members[~relevant]
        for position in members[relevant].tolist():
            above = others[scores[others] > scores[position] + settings.margin * deviation]
            if len(above) >= settings.above:
                rival = int(above[scores[above].argmax()])
                why = (
                    f"labelled {labels[position]:g}, and {len(above)} passages that are not labelled relevant score "
                    f"higher by more than {settings.margin:g} standard deviations"
                )
                found.append(Contradiction(position, settings.weight, why, rival))
    return sorted(found, key=lambda contradiction: contradiction.position)
