"""What speaks against a teacher, by thresholds that the page prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from menura.evaluation.report_card.biases import Bias
from menura.evaluation.report_card.calibration import Calibration
from menura.evaluation.report_card.contradictions import Contradictions
from menura.evaluation.report_card.distribution import Distribution
from menura.evaluation.report_card.quality import PAIR_ACCURACY, Quality
from menura.evaluation.report_card.wording import count, interval, share

__all__ = [
    "THRESHOLDS",
    "Finding",
    "Thresholds",
    "in_biases",
    "in_calibration",
    "in_labels",
    "in_ranking",
    "in_sample",
    "in_scores",
]

# Bias -> its name, what more and less of the feature is.
FAVOURED = {
    "length": ("length bias", "longer passages", "shorter passages"),
    "overlap": ("lexical bias", "passages with more of the query's terms", "passages with fewer of the query's terms"),
    "position": ("position bias", "passages with query terms late", "passages with query terms early"),
}


@dataclass(frozen=True)
class Thresholds:
    """Where a figure begins to count.

    Attributes:
        queries: fewer judged ones are too few.
        constant: share of constant queries that makes a teacher useless.
        at_ends: share of squashed scores near 0 or 1 that makes them saturated.
        tied: share of couples.
        pooled: pair accuracy within queries less that across them.
        bias: a rank correlation.
        wrong_labels: twice the share of queries that the teacher turns round, if its median pair accuracy is at least
            `right_otherwise`.
    """

    queries: int = 30
    constant: float = 0.5
    at_ends: float = 0.1
    tied: float = 0.05
    pooled: float = 0.1
    bias: float = 0.2
    wrong_labels: float = 0.1
    right_otherwise: float = 0.9


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Finding:
    """Something to know: a `fault` forbids to copy the teacher, a `caution` says where it may mislead."""

    kind: Literal["fault", "caution"]
    name: str
    text: str


def in_ranking(teacher: Quality, baseline: Quality) -> list[Finding]:
    """Is it better than chance, and than the baseline?"""
    findings = []
    pairs, gain = teacher.figures[PAIR_ACCURACY], teacher.ahead["nDCG@10"]
    if pairs is not None and pairs.below < 0.5:
        text = (
            f"It scores relevant passages below the others: pair accuracy {interval(pairs, '{:.2f}')}. Its scores have "
            "the wrong sign, or are distances."
        )
        findings.append(Finding("fault", "reversed", text))
    elif pairs is not None and pairs.low is not None and pairs.low <= 0.5:
        text = f"Its pair accuracy, {interval(pairs, '{:.2f}')}, is not told apart from one half, which a coin reaches."
        findings.append(Finding("fault", "no better than chance", text))
    if gain is not None and gain.below < 0:
        text = f"On the same candidates its nDCG@10 less that of {baseline.system} is {interval(gain, '{:+.2f}')}."
        findings.append(Finding("fault", f"worse than {baseline.system}", text))
    elif gain is not None and gain.low is not None and gain.low <= 0:
        text = f"Its nDCG@10 less that of {baseline.system} is {interval(gain, '{:+.2f}')}: it may be no better."
        findings.append(Finding("caution", f"not shown to beat {baseline.system}", text))
    return findings


def in_scores(scores: Distribution, queries: int) -> list[Finding]:
    """Do the scores tell passages apart?"""
    findings = []
    if scores.constant_queries:
        kind: Literal["fault", "caution"] = (
            "fault" if scores.constant_queries > THRESHOLDS.constant * queries else "caution"
        )
        text = (
            f"In {scores.constant_queries:,} of {count(queries, 'query', 'queries')} all candidates get the same "
            "score: there is nothing to learn from that."
        )
        findings.append(Finding(kind, "constant scores", text))
    if scores.at_ends is not None and scores.lowest < scores.highest:
        text = (
            "All its scores lie between 0 and 1, as behind a sigmoid, which squashes margins between good passages: "
            f"{share(scores.at_ends)} are within 0.001 of 0 or 1, and {scores.pairs - scores.distinct:,} of "
            f"{scores.pairs:,} repeat another one's value. Take the raw logits, above all under a margin loss."
        )
        name = "saturated sigmoid" if scores.at_ends > THRESHOLDS.at_ends else "squashed scores"
        findings.append(Finding("caution", name, text))
    if scores.tied is not None and scores.tied > THRESHOLDS.tied and scores.constant_queries < queries:
        text = f"{scores.tied:.0%} of the couples of candidates have the same score."
        findings.append(Finding("caution", "ties", text))
    return findings


def in_calibration(teacher: Quality, calibration: Calibration | None) -> list[Finding]:
    """Does a score mean the same for every query?"""
    within = teacher.figures[PAIR_ACCURACY]
    if within is None or calibration is None:
        return []
    across = calibration.pooled_pair_accuracy
    if within.value - across <= THRESHOLDS.pooled:
        return []
    text = (
        f"Within a query its pair accuracy is {within.value:.2f}, across queries {across:.2f}: the same score means "
        "different things for different queries. Train on margins or lists rather than on single scores."
    )
    return [Finding("caution", "scores differ between queries", text)]


def in_biases(biases: list[Bias]) -> list[Finding]:
    """Does it favour what people do not?"""
    findings = []
    for bias in biases:
        effect, labels = bias.within, bias.labels
        if effect is None or max(effect.above, -effect.below) <= THRESHOLDS.bias:
            continue
        sign = 1 if effect.value > 0 else -1
        # People who favour the feature as much make it a matter of relevance.
        if labels is not None and sign * labels.value >= sign * effect.value:
            continue
        name, more, less = FAVOURED[bias.feature]
        text = (
            f"Among passages of one query with one label it prefers {more if sign > 0 else less}: rank correlation "
            f"{interval(effect, '{:+.2f}')}; the labels lean that way less."
        )
        findings.append(Finding("caution", name, text))
    return findings


def in_labels(found: Contradictions) -> list[Finding]:
    """A teacher that is right but for some queries, where it is all wrong, hints at the labels."""
    median = found.median_pair_accuracy
    if median is None or median < THRESHOLDS.right_otherwise:
        return []
    # Of labels drawn at random, one half would show.
    wrong = 2 * found.reversed / found.queries
    if wrong < THRESHOLDS.wrong_labels:
        return []
    text = (
        f"In {found.reversed:,} of {count(found.queries, 'query', 'queries')} it puts the relevant passages into the "
        f"lower half, yet in every second query it is right on {share(median)} of the couples or more. That is how up "
        f"to {min(1.0, wrong):.0%} wrong labels would look: read the disputes below."
    )
    return [Finding("caution", "labels in doubt", text)]


def in_sample(teacher: Quality) -> list[Finding]:
    """Are enough queries judged?"""
    queries, pairs = len(teacher.per_query), teacher.figures[PAIR_ACCURACY]
    if queries >= THRESHOLDS.queries and pairs is not None:
        return []
    if pairs is None:
        rest = "No query has both a relevant and another candidate, so that nothing can be said of their order."
    elif pairs.low is None:
        rest = "One query says nothing of others."
    else:
        rest = f"Its pair accuracy lies somewhere between {pairs.low:.2f} and {pairs.high:.2f}."
    text = f"Only {count(queries, 'query is', 'queries are')} judged; every figure here is uncertain. {rest}"
    return [Finding("caution", "few judged queries" if pairs is not None else "nothing to compare", text)]
