"""Is one system better than another, or luckier?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from menura.errors import MenuraError

__all__ = ["Comparison", "compare", "holm"]

PERMUTATIONS = 20_000
BLOCK = 1_000


@dataclass(frozen=True)
class Comparison:
    """How far the first system is ahead: the mean `difference` over `queries` queries, and its two-sided `p`."""

    queries: int
    difference: float
    p: float


def compare(first: Mapping[str, float], second: Mapping[str, float], *, seed: int = 0) -> Comparison:
    """A two-sided paired randomization test on the mean difference (Smucker et al., CIKM 2007).

    Under the hypothesis that the systems are alike, each query's two values may be swapped. With 20,000 random
    swappings the smallest p is 1/20,001.

    Args:
        first: query id -> value.
        second: the same queries.

    Raises:
        MenuraError: there are no queries, or the systems' queries differ.
    """
    if not first or first.keys() != second.keys():
        raise MenuraError(
            "[evaluation] a comparison needs the same queries on both sides, and some; "
            f"got {len(first)} and {len(second)}, of which {len(first.keys() & second.keys())} are shared."
        )
    differences = np.array([first[query_id] - second[query_id] for query_id in sorted(first)])
    difference = float(differences.mean())
    generator = np.random.default_rng(seed)
    as_extreme = 0
    for _ in range(PERMUTATIONS // BLOCK):
        signs = generator.choice((-1.0, 1.0), (BLOCK, len(differences)))
        as_extreme += int((abs(signs @ differences) / len(differences) >= abs(difference) - 1e-12).sum())
    return Comparison(len(differences), difference, (as_extreme + 1) / (PERMUTATIONS + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several comparisons, corrected for their number (Holm 1979), in the order given.

    The i-th smallest of m becomes `(m - i + 1) p`, at least what the one before it became and at most 1.
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected
