"""Do other systems order the candidates as the teacher does?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from menura.evaluation.report_card import estimates
from menura.evaluation.report_card.estimates import Estimate
from menura.evaluation.report_card.judged import JudgedPairs

__all__ = ["Agreement", "agreement", "agreement_matrix", "kendall", "tau_ap"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """One system beside the teacher, query by query, on the pairs that both have scored.

    Attributes:
        pairs: how many those are.
        undefined: queries left out, for one of the two gives all their candidates the same score, or there is one only.
        tau_b: Kendall's rank correlation, ties allowed for.
        tau_ap: the same with more weight on the top of the system's list; the teacher's is the reference.
        spearman: the correlation of ranks.
        flipped: of couples that both tell apart, the share that they order differently.
        per_query: tau_b.
    """

    system: str
    pairs: int
    undefined: int
    tau_b: Estimate
    tau_ap: Estimate
    spearman: Estimate
    flipped: Estimate
    per_query: dict[str, float]


def agreement(pairs: JudgedPairs, teacher: str, system: str) -> Agreement | None:
    """`system` beside `teacher`. None: no query has candidates that both of them tell apart."""
    rows: dict[str, tuple[float, float, float, float]] = {}
    shared = 0
    for query_id, query in zip(pairs.query_ids, pairs.slices, strict=True):
        reference, other = _shared(pairs.scores[teacher][query], pairs.scores[system][query])
        shared += len(other)
        if _told_apart(reference) and _told_apart(other):
            ranks = float(np.corrcoef(rankdata(reference), rankdata(other))[0, 1])
            rows[query_id] = (*kendall(reference, other), tau_ap(reference, other), ranks)
    if not rows:
        return None
    tau_b, flipped, top, spearman = (estimates.mean(column) for column in np.array(list(rows.values())).T)
    return Agreement(
        system,
        shared,
        len(pairs.query_ids) - len(rows),
        tau_b,
        top,
        spearman,
        flipped,
        {query_id: row[0] for query_id, row in rows.items()},
    )


def agreement_matrix(pairs: JudgedPairs) -> dict[str, dict[str, float | None]]:
    """Mean tau_b of every two systems; None where it is not defined for any query."""
    matrix: dict[str, dict[str, float | None]] = {system: {system: 1.0} for system in pairs.scores}
    systems = list(pairs.scores)
    for i, first in enumerate(systems):
        for second in systems[i + 1 :]:
            taus = [
                kendall(*sides)[0]
                for sides in (_shared(pairs.scores[first][rows], pairs.scores[second][rows]) for rows in pairs.slices)
                if _told_apart(sides[0]) and _told_apart(sides[1])
            ]
            matrix[first][second] = matrix[second][first] = float(np.mean(taus)) if taus else None
    return matrix


def kendall(first: Floats, second: Floats) -> tuple[float, float]:
    """tau_b = (C - D) / sqrt((C + D + T1)(C + D + T2)) of two score lists `[N]`, and D / (C + D).

    C and D are couples in the same and in opposite order, T1 and T2 those tied in one list only (Kendall 1945).
    Neither list may be constant.
    """
    one, other = (np.sign(scores[:, None] - scores) for scores in (first, second))
    products = one * other
    tau_b = products.sum() / np.sqrt((one**2).sum() * (other**2).sum())
    return float(tau_b), float((products < 0).sum() / np.count_nonzero(products))


def tau_ap(reference: Floats, scores: Floats) -> float:
    """AP rank correlation: 2 / (N - 1) sum_{i=2}^{N} C(i) / (i - 1) - 1 (Yilmaz et al., SIGIR 2008).

    C(i) counts what stands above rank i in the list by `scores [N]` and is rightly there by `reference [N]`. Couples
    that the reference ties count half; over ties in `scores` the expectation of all their orders is taken.
    """
    correct = (np.sign(reference[:, None] - reference) + 1) / 2
    total, above = 0.0, np.zeros(len(scores), bool)
    for value in np.unique(scores)[::-1]:
        group = scores == value
        # Each of the group sees all above it, and on average half of its group's members before it rightly there.
        right = correct[above][:, group].sum(0).mean()
        for before in range(int(group.sum())):
            rank = int(above.sum()) + before
            if rank:
                total += (right + before / 2) / rank
        above |= group
    return float(2 * total / (len(scores) - 1) - 1)


def _shared(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    both = ~(np.isnan(first) | np.isnan(second))
    return first[both], second[both]


def _told_apart(scores: Floats) -> bool:
    return len(scores) > 1 and bool((scores != scores[0]).any())
