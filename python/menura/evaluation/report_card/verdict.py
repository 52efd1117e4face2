"""Can this teacher be trusted? One answer, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from menura.evaluation.report_card.findings import THRESHOLDS, Finding, Thresholds
from menura.evaluation.report_card.quality import PAIR_ACCURACY, Quality
from menura.evaluation.report_card.wording import count, share

__all__ = ["Answer", "Verdict", "judge"]

Answer = Literal["Yes", "With care", "No", "Cannot tell yet"]


@dataclass(frozen=True)
class Verdict:
    """The `answer`, in a `sentence`; the `findings` behind it, faults first, and the `thresholds` of them all."""

    answer: Answer
    sentence: str
    findings: list[Finding]
    thresholds: Thresholds


def judge(teacher: Quality, baseline: Quality, findings: list[Finding]) -> Verdict:
    """Weigh the findings: a fault says no, too few queries leave it open, a caution asks for care."""
    queries = len(teacher.per_query)
    findings = sorted(findings, key=lambda finding: finding.kind != "fault")
    answer: Answer = "With care" if findings else "Yes"
    if any(finding.kind == "fault" for finding in findings):
        answer = "No"
    elif queries < THRESHOLDS.queries or teacher.figures[PAIR_ACCURACY] is None:
        answer = "Cannot tell yet"
    sentence = _measured(teacher, baseline, queries)
    names = dict.fromkeys(finding.name for finding in findings)
    return Verdict(answer, f"{sentence}. Mind: {', '.join(names)}." if names else f"{sentence}.", findings, THRESHOLDS)


def _measured(teacher: Quality, baseline: Quality, queries: int) -> str:
    own, other, gain = teacher.figures[PAIR_ACCURACY], baseline.figures[PAIR_ACCURACY], teacher.ahead["nDCG@10"]
    judged = f"On {count(queries, 'judged query', 'judged queries')}"
    if own is None or other is None or gain is None:
        return f"{judged} every candidate is relevant, so that no order of them is better than another"
    return (
        f"{judged} it puts a relevant passage above another one in {share(own.value)} of the cases, {baseline.system} "
        f"in {share(other.value)}; its nDCG@10 is {abs(gain.value):.2f} {'higher' if gain.value >= 0 else 'lower'}"
    )
