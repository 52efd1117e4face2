"""The report card as one page: no script, no network, every text of the collection escaped."""

from __future__ import annotations

from importlib import resources

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from menura.evaluation.report_card import pictures
from menura.evaluation.report_card.biases import FEATURES
from menura.evaluation.report_card.card import TeacherCard
from menura.evaluation.report_card.estimates import CONFIDENCE, RESAMPLES
from menura.evaluation.report_card.quality import PAIR_ACCURACY, Quality, gains
from menura.evaluation.report_card.wording import interval

__all__ = ["METRICS", "page"]

METRICS = ("nDCG@10", "MRR@10", PAIR_ACCURACY)
SIGNS = {"Yes": "✓", "With care": "!", "No": "✕", "Cannot tell yet": "?"}


def page(card: TeacherCard) -> str:
    """The HTML of `card`."""
    files = resources.files(__package__)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["interval"] = interval
    template = environment.from_string((files / "card.html").read_text(encoding="utf-8"))
    return template.render(
        card=card,
        style=Markup((files / "card.css").read_text(encoding="utf-8")),
        sign=SIGNS[card.verdict.answer],
        metrics=METRICS,
        features=FEATURES,
        confidence=CONFIDENCE,
        resamples=RESAMPLES,
        pictures=_pictures(card),
        wins=_wins(card),
    )


def _pictures(card: TeacherCard) -> dict[str, list[Markup] | Markup]:
    def quality(metric: str, rows: list[Quality]) -> Markup:
        return pictures.estimate_rows(metric, [(row.system, row.figures[metric]) for row in rows], (0, 1))

    judged = card.quality[0].figures[PAIR_ACCURACY] is not None
    return {
        "pair_accuracy": quality(PAIR_ACCURACY, card.quality[:2]) if judged else Markup(""),
        "quality": [quality(metric, card.quality) for metric in METRICS if metric != PAIR_ACCURACY],
        "wins": pictures.wins(card.quality[0], card.quality[1]),
        "histogram": pictures.histogram(card.distribution),
        "calibration": Markup("") if card.calibration is None else pictures.calibration_curve(card.calibration),
        "agreement": [pictures.tau_histogram(row) for row in card.agreement],
        "bins": [pictures.bias_bins(bias) if bias.pairs else Markup("") for bias in card.biases],
        "effects": [
            pictures.estimate_rows(
                "-1 favours less of it, 1 favours more",
                [("Teacher", bias.within), (card.baseline, bias.baseline), ("Labels", bias.labels)],
                (-1, 1),
            )
            for bias in card.biases
        ],
    }


def _wins(card: TeacherCard) -> dict[str, int]:
    """In how many queries the teacher's nDCG@10 is better than the baseline's, equal to it, or worse."""
    gained = np.array(list(gains(card.quality[0], card.quality[1]).values()))
    return {"better": int((gained > 0).sum()), "equal": int((gained == 0).sum()), "worse": int((gained < 0).sum())}
