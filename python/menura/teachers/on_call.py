"""A teacher of whom only the name is here, until it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura.teachers.fingerprint import Fingerprint
from menura.teachers.imported import ImportedFingerprint
from menura.teachers.opening import AnyTeacher

__all__ = ["AnyFingerprint", "OnCall"]

AnyFingerprint = Fingerprint | ImportedFingerprint


class OnCall:
    """Whom `load` makes, by its `fingerprint`: where all is known already, nothing is loaded.

    `seconds` went by while it was.
    """

    def __init__(self, fingerprint: AnyFingerprint, load: Callable[[], AnyTeacher]) -> None:
        self.fingerprint = fingerprint
        self.seconds = 0.0
        self._load = load

    def score(self, pairs: Sequence[tuple[str, Any]]) -> NDArray[np.float32]:
        """What it says of `pairs` of texts."""
        began = time.perf_counter()
        teacher = self._load()
        self.seconds += time.perf_counter() - began
        return teacher.score(pairs)
