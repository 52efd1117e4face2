"""The view's score of each pair: scaled, combined, rescaled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.views.answers import Answers
from menura.answer_key.views.combining import combine
from menura.answer_key.views.fit import Fit
from menura.answer_key.views.routing import asked
from menura.answer_key.views.scaling import like_reference, min_max, z_score
from menura.recipe.view import ViewSettings

__all__ = ["rescaled", "scaled_logits", "view_scores", "voice_weights"]

Floats = NDArray[np.float64]


def view_scores(view: ViewSettings, fit: Fit, answers: Answers) -> Floats:
    """The view's score `[P]` of each pair, without labels; NaN where every teacher abstains.

    Raises:
        MenuraError: a score is missing, with the pair.
    """
    answers.check(asked(view, answers.teachers, answers.pairs, answers.route))
    return rescaled(view, fit, answers, combine(scaled_logits(view, fit, answers), voice_weights(fit, answers)))


def scaled_logits(view: ViewSettings, fit: Fit, answers: Answers) -> Floats:
    """`[T,P]`; NaN where a teacher was not asked or abstains."""
    rows = []
    for name in answers.teachers:
        logits = answers.of(name)
        if name in fit.scales:
            rows.append(fit.scales[name](logits))
        elif view.scale.like is not None and view.scale.per == "query":
            rows.append(like_reference(logits, answers.of(view.scale.like), answers.groups))
        elif view.scale.method in ("min_max", "z_score"):
            rows.append((min_max if view.scale.method == "min_max" else z_score)(logits, answers.groups))
        else:
            rows.append(logits)
    return np.stack(rows)


def voice_weights(fit: Fit, answers: Answers) -> Floats:
    """`[T]`, or of a route `[T,P]`."""
    if answers.route is not None:
        return np.asarray(np.arange(len(answers.teachers))[:, None] == answers.route, np.float64)
    return np.array([fit.weights.get(name, 0.0) for name in answers.teachers])


def rescaled(view: ViewSettings, fit: Fit, answers: Answers, scores: Floats) -> Floats:
    """Combined scores `[P]` on the reference's scale, if the view names one."""
    if fit.rescale is not None:
        return fit.rescale(scores)
    if view.rescale is not None:
        return like_reference(scores, answers.of(view.rescale.like), answers.groups)
    return scores
