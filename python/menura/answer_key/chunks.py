"""What a teacher is asked at a time: texts of like length, and as many as are worth a write."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.wanted import WantedPairs

__all__ = ["chunks"]

# Pairs that are sorted by length together; beyond it, they keep the order of their queries.
WINDOW = 1 << 16
FIRST_CHUNK = 256
# A chunk grows until writing it is no longer felt: then the teacher works on it for so many seconds.
CHUNK_SECONDS = 5.0


def chunks(wanted: WantedPairs, positions: NDArray[np.intp], *, size: int | None = None) -> Iterator[NDArray[np.intp]]:
    """Cut `positions` into chunks of `size`, or of a size that is found by the clock.

    Thousands at a time, longest first: batches hold texts of like length, and memory peaks at once or never.
    """
    chunk = FIRST_CHUNK if size is None else size
    for start in range(0, len(positions), WINDOW):
        window = positions[start : start + WINDOW]
        window = window[np.argsort(-wanted.lengths(window), kind="stable")]
        done = 0
        while done < len(window):
            began = time.perf_counter()
            yield window[done : done + chunk]
            done += chunk
            if size is None and time.perf_counter() - began < CHUNK_SECONDS / 2:
                chunk = min(2 * chunk, WINDOW)
