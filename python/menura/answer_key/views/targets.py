"""What students learn of a view: scores, what each counts, and what is left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.views.answers import Answers
from menura.answer_key.views.combining import disagreement, disagreement_weights, mix_labels
from menura.answer_key.views.contradictions import Contradiction, between_teachers, with_labels
from menura.answer_key.views.fit import Fit
from menura.answer_key.views.scoring import scaled_logits, view_scores
from menura.errors import MenuraError
from menura.recipe.view import ViewSettings

__all__ = ["Targets", "view_targets"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Targets:
    """What students learn: `scores [K]` and `weights [K]` of the pairs at `positions [K]` of the answers.

    The other pairs are left out: in `silent` of them every teacher abstained, the rest were contradictions to drop.
    """

    positions: NDArray[np.intp]
    scores: Floats
    weights: Floats
    silent: int
    contradictions: list[Contradiction]


def view_targets(view: ViewSettings, fit: Fit, answers: Answers) -> Targets:
    """The scores of `view_scores` with the labels mixed in, what each counts, and what contradicts what.

    Raises:
        MenuraError: a score is missing, or `view.labels` has no score for a grade; with the pair.
    """
    scores = view_scores(view, fit, answers)
    weights = np.ones(len(scores))
    standardised = _standardised(fit, answers, scaled_logits(view, fit, answers))
    if view.disagreement is not None:
        weights *= disagreement_weights(
            disagreement(standardised),
            answers.groups,
            per=view.disagreement.per,
            strength=view.disagreement.strength,
        )
    contradictions = _contradictions(view, fit, answers, scores, standardised)
    for contradiction in contradictions:
        weights[contradiction.position] *= contradiction.weight
    silent = np.isnan(scores)
    if view.labels is not None:
        labelled = _label_scores(answers, view.labels.scores)
        scores = mix_labels(scores, labelled, weight=view.labels.weight)
    positions = np.flatnonzero(~silent & (weights > 0))
    return Targets(positions, scores[positions], weights[positions], int(silent.sum()), contradictions)


def _contradictions(
    view: ViewSettings, fit: Fit, answers: Answers, scores: Floats, standardised: Floats
) -> list[Contradiction]:
    settings = view.contradictions
    found: list[Contradiction] = []
    if settings is not None and settings.teachers is not None:
        found += between_teachers(standardised, list(answers.teachers), settings.teachers)
    if settings is not None and settings.labels is not None:
        found += with_labels(scores, answers.labels, answers.groups, settings.labels, deviation=fit.deviation)
    return found


def _standardised(fit: Fit, answers: Answers, scaled: Floats) -> Floats:
    """`[T,P]`, mean 0 and standard deviation 1 on the training pairs; NaN for teachers that are not compared."""
    rows = [
        fit.standards[name](row) if name in fit.standards else np.full_like(row, np.nan)
        for name, row in zip(answers.teachers, scaled, strict=True)
    ]
    return np.stack(rows)


def _label_scores(answers: Answers, scores: Mapping[int, float]) -> Floats:
    """The score `[P]` of each pair's grade; NaN where nobody judged."""
    for pair, label in zip(answers.pairs, answers.labels.tolist(), strict=True):
        if not math.isnan(label) and label not in scores:
            raise MenuraError(
                f"[view] the pair {pair} is judged {label:g}, and view.labels.scores has no score for that grade; it "
                f"knows {', '.join(map(str, scores))}."
            )
    return np.array([scores.get(label, np.nan) for label in answers.labels.tolist()], np.float64)
