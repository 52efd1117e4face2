"""Is one system better than another, or luckier?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["paired_p_value"]

PERMUTATIONS = 20_000
BLOCK = 1_000


def paired_p_value(first: Mapping[str, float], second: Mapping[str, float], *, seed: int = 0) -> float:
    """The two-sided p-value of a paired randomization test on the mean difference (Smucker et al., CIKM 2007).

    Under the hypothesis that the systems are alike, each query's two values may be swapped. With 20,000 random
    swappings the smallest p is 1/20,001.

    Args:
        first: query id -> value.
        second: the same queries.

    Raises:
        ValueError: the queries differ.
    """
    if first.keys() != second.keys():
        raise ValueError(
            f"[significance] both systems must answer the same queries; got {len(first)} and {len(second)}."
        )
    differences = np.array([first[query_id] - second[query_id] for query_id in sorted(first)])
    observed = abs(differences.mean())
    generator = np.random.default_rng(seed)
    as_extreme = 0
    for _ in range(PERMUTATIONS // BLOCK):
        signs = generator.choice((-1.0, 1.0), (BLOCK, len(differences)))
        as_extreme += int((abs(signs @ differences) / len(differences) >= observed - 1e-12).sum())
    return (as_extreme + 1) / (PERMUTATIONS + 1)
