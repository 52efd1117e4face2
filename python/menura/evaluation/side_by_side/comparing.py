"""Each system of each output, held against the same system of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t as student_t

from menura.errors import MenuraError
from menura.evaluation.metrics import METRICS, Scores
from menura.evaluation.report import COMPARED
from menura.evaluation.report_card.estimates import CONFIDENCE, Estimate, mean
from menura.evaluation.side_by_side.finished import Finished
from menura.evaluation.significance import compare, holm

__all__ = ["EVERYWHERE", "Compared", "compare_outputs"]

# The output of a system that is the same in all of them.
EVERYWHERE = "all"


@dataclass(frozen=True)
class Compared:
    """A system of one output, or of several that differ in their seed.

    Attributes:
        averages: by metric, over queries and seeds.
        over_queries: nDCG@10 and its interval over queries, of values averaged over seeds.
        over_seeds: the ends of its interval over seeds, by Student's t; None of a single one.
        difference: how far it is ahead of the first output's, with its interval over queries; None of the first itself.
        p: of that difference, two-sided; `p_holm`: corrected for the number of comparisons.
    """

    system: str
    output: str
    seeds: int
    averages: dict[str, float]
    over_queries: Estimate
    over_seeds: tuple[float, float] | None
    difference: Estimate | None = None
    p: float | None = None
    p_holm: float | None = None


def compare_outputs(groups: Mapping[str, Sequence[Finished]]) -> list[Compared]:
    """Rows system by system, in the order of the reports; what is the same everywhere stands once, uncompared.

    Raises:
        MenuraError: outputs of one group have different systems.
    """
    first = next(iter(groups))
    rows: list[Compared] = []
    for system in dict.fromkeys(name for group in groups.values() for output in group for name in output.systems):
        found = {name: scores for name, group in groups.items() if (scores := _of_seeds(system, group))}
        values = [scores for group in found.values() for scores in group]
        if len(found) == len(groups) and all(scores == values[0] for scores in values):
            rows.append(_row(system, EVERYWHERE, values[:1]))
            continue
        baseline = _per_query(found[first]) if first in found else None
        for name, group in found.items():
            row = _row(system, name, group)
            rows.append(row if name == first or baseline is None else _against(row, _per_query(group), baseline))
    compared = [row for row in rows if row.p is not None]
    corrected = iter(holm([row.p for row in compared if row.p is not None]))
    return [row if row.p is None else replace(row, p_holm=next(corrected)) for row in rows]


def _of_seeds(system: str, group: Sequence[Finished]) -> list[Scores]:
    having = [output for output in group if system in output.systems]
    if having and len(having) < len(group):
        without = next(output for output in group if system not in output.systems)
        raise MenuraError(
            f"[compare] {having[0].folder} has {system!r} and {without.folder} has not; outputs that differ in their "
            "seed alone have the same systems."
        )
    return [output.systems[system] for output in having]


def _row(system: str, name: str, group: Sequence[Scores]) -> Compared:
    averages = {metric: float(np.mean([list(scores[metric].values()) for scores in group])) for metric in METRICS}
    over_queries = mean(np.array(list(_per_query(group).values())))
    return Compared(system, name, len(group), averages, over_queries, _over_seeds(group))


def _against(row: Compared, values: dict[str, float], baseline: dict[str, float]) -> Compared:
    found = compare(values, baseline)
    difference = mean(np.array([values[query] - baseline[query] for query in sorted(values)]))
    return replace(row, difference=difference, p=found.p)


def _per_query(group: Sequence[Scores]) -> dict[str, float]:
    """What is compared, by query, averaged over seeds."""
    return {query: float(np.mean([scores[COMPARED][query] for scores in group])) for query in group[0][COMPARED]}


def _over_seeds(group: Sequence[Scores]) -> tuple[float, float] | None:
    if len(group) < 2:
        return None
    values = np.array([np.mean(list(scores[COMPARED].values())) for scores in group])
    reach = float(student_t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()) - reach, float(values.mean()) + reach
