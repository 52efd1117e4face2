"""The pictures of a report card."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from scipy.special import expit

from menura.evaluation.report_card.agreement import Agreement
from menura.evaluation.report_card.biases import FEATURES, Bias, BiasBin
from menura.evaluation.report_card.calibration import Calibration
from menura.evaluation.report_card.distribution import Distribution
from menura.evaluation.report_card.estimates import Estimate
from menura.evaluation.report_card.quality import Quality, gains
from menura.evaluation.report_card.svg import WIDTH, Plot, Range
from menura.evaluation.report_card.wording import interval

__all__ = ["bias_bins", "calibration_curve", "estimate_rows", "histogram", "tau_histogram", "wins"]

# A row of `estimate_rows`: name above, interval below.
ROW, AXIS = 36.0, 50.0
INSET = 5.0
LONGEST_NAME = 42
MOST_BARS = 300


def estimate_rows(title: str, rows: Sequence[tuple[str, Estimate | None]], limits: Range) -> Markup:
    """A dot and its interval for every system, the first one in the teacher's colour."""
    said = "; ".join(f"{name} {interval(estimate)}" for name, estimate in rows)
    plot = Plot(limits, (0, 1), f"{title}: {said}", height=len(rows) * ROW + AXIS, left=INSET)
    plot.x_axis(title)
    if limits[0] < 0:
        plot.line([(0, 0), (0, 1)], "zero")
    for number, (name, estimate) in enumerate(rows):
        top, style = number * ROW + 12, "other" if number else "teacher"
        plot.text(INSET, top, _shortened(name), f"name {style}")
        middle = top + 12
        plot.line([(INSET, middle), (WIDTH - 10, middle)], "track", placed=True)
        if estimate is None:
            plot.text(WIDTH - 10, top, "not defined", "value end")
            continue
        plot.text(WIDTH - 10, top, f"{estimate.value:.3f}", f"value end {style}")
        if estimate.low is not None and estimate.high is not None:
            plot.line([(plot.x(estimate.low), middle), (plot.x(estimate.high), middle)], f"span {style}", placed=True)
        plot.dot(plot.x(estimate.value), middle, f"mark {style}", f"{name}: {interval(estimate)}", placed=True)
    return plot.markup()


def histogram(scores: Distribution) -> Markup:
    """What share of the relevant and of the other pairs has which score."""
    shares = {name: np.array(counts) / max(1, sum(counts)) for name, counts in scores.counts.items() if sum(counts)}
    tallest = max(float(column.max()) for column in shares.values())
    plot = Plot(
        (scores.edges[0], scores.edges[-1]), (0, tallest), "Histogram of the teacher's scores by label", left=46
    )
    plot.y_axis("{:.0%}".format)
    for name, column in shares.items():
        steps = [
            (edge, float(share))
            for left, right, share in zip(scores.edges[:-1], scores.edges[1:], column, strict=True)
            for edge in (left, right)
        ]
        plot.area([(steps[0][0], 0), *steps, (steps[-1][0], 0)], f"steps {name.replace(' ', '-')}")
    plot.x_axis("Score")
    return plot.markup()


def calibration_curve(calibration: Calibration) -> Markup:
    """The share of labelled relevant passages by score, and the logistic map."""
    bins = calibration.bins
    limits = _roomy([observed.score for observed in bins])
    plot = Plot(limits, (0, 1), "Share of pairs labelled relevant, by score, with the fitted logistic map", left=46)
    plot.y_axis("{:.0%}".format)
    grid = np.linspace(*limits, 81)
    fitted = expit(calibration.slope * grid + calibration.intercept)
    plot.line(list(zip(grid.tolist(), fitted.tolist(), strict=True)), "fit")
    for observed in bins:
        plot.line([(observed.score, observed.low), (observed.score, observed.high)], "span teacher")
        note = f"{observed.pairs:,} pairs of score {observed.score:.2f}: {observed.relevant:.0%} labelled relevant"
        plot.dot(observed.score, observed.relevant, "mark teacher", note)
    plot.x_axis("Score")
    return plot.markup()


def wins(teacher: Quality, baseline: Quality) -> Markup:
    """The teacher's nDCG@10 less the baseline's, from the query of the greatest gain to that of the greatest loss."""
    gained = np.sort(list(gains(teacher, baseline).values()))[::-1]
    reach = max(0.1, float(abs(gained).max()))
    plot = Plot((0, len(gained)), (-reach, reach), f"nDCG@10 less that of {baseline.system}, query by query", left=46)
    plot.y_axis(_signed)
    # Of very many queries, neighbours share a bar.
    bars = np.array_split(gained, min(len(gained), MOST_BARS))
    right = np.cumsum([len(bar) for bar in bars])
    for bar, end in zip(bars, right.tolist(), strict=True):
        gain = float(bar.mean())
        plot.bar((end - len(bar), end), (0, gain), "gain" if gain > 0 else "loss", f"{gain:+.2f}")
    plot.line([(0, 0), (len(gained), 0)], "zero")
    plot.x_axis("Queries, best first")
    return plot.markup()


def tau_histogram(agreement: Agreement) -> Markup:
    """In how many queries the system agrees with the teacher how far."""
    counts, edges = np.histogram(list(agreement.per_query.values()), 20, (-1, 1))
    plot = Plot((-1, 1), (0, float(counts.max())), f"Kendall's tau with {agreement.system}, query by query", height=170)
    plot.y_axis()
    for left, right, count in zip(edges[:-1], edges[1:], counts.tolist(), strict=True):
        if count:
            plot.bar((left, right), (0, count), "count", f"{count} queries between {left:.1f} and {right:.1f}")
    plot.line([(agreement.tau_b.value, 0), (agreement.tau_b.value, float(counts.max()))], "mean")
    plot.x_axis("Kendall's tau: 1 same order, -1 opposite")
    return plot.markup()


def bias_bins(bias: Bias) -> Markup:
    """The mean score by quantiles of a feature, relevant and other passages apart."""
    series = {"relevant": bias.bins_relevant, "not-judged": bias.bins_others}
    known = [mean for bins in series.values() for mean in bins]
    ends = [end for mean in known for end in _ends(mean)]
    across = [mean.feature for mean in known]
    plot = Plot(_roomy(across), _roomy(ends), f"Mean score by {FEATURES[bias.feature].lower()}", left=46)
    plot.y_axis(_signed)
    for style, bins in series.items():
        plot.line([(mean.feature, mean.score) for mean in bins], f"trend {style}")
        for mean in bins:
            low, high = _ends(mean)
            plot.line([(mean.feature, low), (mean.feature, high)], f"span {style}")
            mark = plot.dot if style == "relevant" else plot.square
            note = f"{mean.pairs:,} pairs around {mean.feature:.2f}: {mean.score:+.2f}"
            mark(mean.feature, mean.score, f"mark {style}", note)
    plot.x_axis(FEATURES[bias.feature])
    return plot.markup()


def _ends(mean: BiasBin) -> Range:
    """About a 95 % interval of a mean."""
    reach = 2 * (mean.standard_error or 0)
    return mean.score - reach, mean.score + reach


def _roomy(values: Sequence[float]) -> Range:
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or 0.5
    return low - room, high + room


def _signed(value: float) -> str:
    return f"{value:+g}" if value else "0"


def _shortened(name: str) -> str:
    """The end of a long name says more than its beginning."""
    return name if len(name) <= LONGEST_NAME else "…" + name[1 - LONGEST_NAME :]
