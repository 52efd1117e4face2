"""Figures over queries, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

__all__ = ["Estimate", "correlation", "mean", "mean_of_known"]

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 1_999
BATCH = 500


@dataclass(frozen=True)
class Estimate:
    """A figure over `queries` queries and its 95 % bootstrap interval; one query alone has no interval."""

    value: float
    low: float | None
    high: float | None
    queries: int

    @property
    def above(self) -> float:
        """What the figure surely exceeds: the low end of the interval, minus infinity where there is none."""
        return -np.inf if self.low is None else self.low

    @property
    def below(self) -> float:
        """What the figure surely stays under: the high end of the interval, infinity where there is none."""
        return np.inf if self.high is None else self.high


def mean(values: Floats) -> Estimate:
    """The mean of `values [Q]`, one for each of some queries."""
    return _estimate((values,), np.mean)


def mean_of_known(values: Floats) -> Estimate | None:
    """The mean of those of `values [Q]` that are not NaN; None: there are none."""
    known = values[~np.isnan(values)]
    return mean(known) if len(known) else None


def correlation(products: Floats, first: Floats, second: Floats) -> Estimate | None:
    """A correlation pooled over queries: sum(products) / sqrt(sum(first) sum(second)), each `[Q]`.

    `products` are sums of x y within a query, `first` of x^2 and `second` of y^2. None: x or y never varies.
    """
    varying = (first > 0) & (second > 0)
    if not varying.any():
        return None

    def pooled(xy: Floats, xx: Floats, yy: Floats, axis: int = -1) -> Any:
        return xy.sum(axis) / np.sqrt(xx.sum(axis) * yy.sum(axis))

    return _estimate((products[varying], first[varying], second[varying]), pooled)


def _estimate(columns: tuple[Floats, ...], statistic: Callable[..., Any]) -> Estimate:
    """The percentile bootstrap: queries are drawn again, with all that belongs to them."""
    value, queries = float(statistic(*columns, axis=-1)), len(columns[0])
    if queries < 2:
        return Estimate(value, None, None, queries)
    drawn = bootstrap(
        columns,
        statistic,
        paired=len(columns) > 1,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=BATCH,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(value, float(drawn.low), float(drawn.high), queries)
