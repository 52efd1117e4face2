"""Statistics within each query, given back to each of its pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Groups"]

Floats = NDArray[np.float64]


class Groups:
    """Pairs `[P]` by the group that each belongs to, in any order.

    Every statistic of `values [P]` is `[P]`: that of the pair's own group. NaN counts as not there; a group of which
    nothing is there has NaN.
    """

    def __init__(self, groups: ArrayLike) -> None:
        names, index = np.unique(np.asarray(groups), return_inverse=True)
        self._index: NDArray[np.intp] = index
        self._count = len(names)

    def sum(self, values: Floats) -> Floats:
        there = ~np.isnan(values)
        sums = np.bincount(self._index[there], values[there], self._count)
        return np.where(self._sizes(there) > 0, sums, np.nan)[self._index]

    def mean(self, values: Floats) -> Floats:
        sizes = self._sizes(~np.isnan(values))[self._index]
        return self.sum(values) / np.maximum(sizes, 1)

    def deviation(self, values: Floats) -> Floats:
        """The population's standard deviation; exactly 0 where all values are the same."""
        spread = np.sqrt(self.mean((values - self.mean(values)) ** 2))
        return np.where(self.smallest(values) == self.largest(values), 0.0, spread)

    def smallest(self, values: Floats) -> Floats:
        return -self.largest(-values)

    def largest(self, values: Floats) -> Floats:
        found = np.full(self._count, -np.inf)
        there = ~np.isnan(values)
        np.maximum.at(found, self._index[there], values[there])
        return np.where(self._sizes(there) > 0, found, np.nan)[self._index]

    def members(self) -> list[NDArray[np.intp]]:
        """The positions of each group's pairs."""
        order = np.argsort(self._index, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self._index, minlength=self._count))[:-1])

    def _sizes(self, there: NDArray[np.bool_]) -> NDArray[np.intp]:
        return np.bincount(self._index[there], minlength=self._count)
