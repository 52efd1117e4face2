"""What a teacher is asked together: texts of like length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.wanted import WantedPairs

__all__ = ["WINDOW", "chunks", "windows"]

# Pairs that are sorted by length together; beyond it, they keep the order of their queries.
WINDOW = 1 << 16


def windows(wanted: WantedPairs, positions: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Thousands of `positions` at a time, longest first: like lengths meet, and memory peaks at once or never."""
    for start in range(0, len(positions), WINDOW):
        window = positions[start : start + WINDOW]
        yield window[np.argsort(-wanted.lengths(window), kind="stable")]


def chunks(window: NDArray[np.intp], size: int) -> Iterator[NDArray[np.intp]]:
    """Cut a window into chunks of `size`."""
    for start in range(0, len(window), size):
        yield window[start : start + size]
