"""What a view learns from the training pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.views.answers import Answers
from menura.answer_key.views.calibration import brier_score, fit_isotonic, fit_logistic, relevance
from menura.answer_key.views.combining import combine
from menura.answer_key.views.fit import Fit
from menura.answer_key.views.maps import Linear, ScoreMap, match_moments
from menura.answer_key.views.quality import inverse_weights, mean_ndcg, softmax_weights
from menura.answer_key.views.routing import asked
from menura.answer_key.views.scoring import rescaled, scaled_logits, voice_weights
from menura.errors import MenuraError
from menura.recipe.view import ViewSettings

__all__ = ["fit_view"]

Floats = NDArray[np.float64]


def fit_view(view: ViewSettings, answers: Answers) -> Fit:
    """Fit the view's maps and weights to the training pairs; only their `labels` are ever used.

    Raises:
        MenuraError: a score is missing, or nothing can be fitted to these scores or labels; with the reason.
    """
    answers.check(asked(view, answers.teachers, answers.pairs, answers.route))
    voices = view.voices(answers.teachers)
    scales = {name: scale for name in voices if (scale := _fit_scale(view, answers, name)) is not None}
    fit = Fit(scales, {} if answers.route is not None else _fit_weights(view, answers, voices))
    scaled = scaled_logits(view, fit, answers)
    if view.disagreement or (view.contradictions and view.contradictions.teachers):
        rows = dict(zip(answers.teachers, scaled, strict=True))
        fit = replace(fit, standards={name: _standard(rows[name], name) for name in voices})
    scores = combine(scaled, voice_weights(fit, answers))
    if view.rescale is not None and view.rescale.per == "all":
        like = view.rescale.like
        fit = replace(fit, rescale=match_moments(scores, answers.of(like), name="the combined scores", like=like))
    scores = rescaled(view, fit, answers, scores)
    known = scores[~np.isnan(scores)]
    return replace(fit, deviation=float(known.std()) if known.size else 0.0)


def _fit_scale(view: ViewSettings, answers: Answers, name: str) -> ScoreMap | None:
    scale, logits = view.scale, answers.of(name)
    if isinstance(scale.temperature, dict):
        return Linear(1 / scale.temperature[name])
    if scale.temperature is not None:
        return Linear(1 / scale.temperature)
    if scale.like is not None and scale.per == "all":
        return match_moments(logits, answers.of(scale.like), name=name, like=scale.like)
    if scale.method in ("logistic", "isotonic"):
        fit = fit_logistic if scale.method == "logistic" else fit_isotonic
        return fit(logits, relevance(answers.labels, unjudged=view.unjudged), name=name)
    return None


def _fit_weights(view: ViewSettings, answers: Answers, voices: list[str]) -> dict[str, float]:
    settings = view.combine
    if settings.mean is not None:
        return {name: settings.mean[name] for name in voices}
    if settings.quality == "ndcg":
        quality = [mean_ndcg(answers.of(name), answers.labels, answers.groups, name=name) for name in voices]
        weights = softmax_weights(np.array(quality), settings.temperature)
    elif settings.quality == "brier":
        relevant = relevance(answers.labels, unjudged=view.unjudged)
        weights = inverse_weights(np.array([brier_score(answers.of(name), relevant, name=name) for name in voices]))
    else:
        weights = np.full(len(voices), 1 / len(voices))
    return dict(zip(voices, weights.tolist(), strict=True))


def _standard(scores: Floats, name: str) -> Linear:
    known = scores[~np.isnan(scores)]
    if not known.size or known.min() == known.max():
        raise MenuraError(
            f"[view] {name} does not tell the {scores.size} pairs apart; how far it disagrees with other teachers "
            "cannot be said. Leave it out."
        )
    return Linear(float(1 / known.std()), float(-known.mean() / known.std()))
