"""A teacher whose scores somebody else has computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.errors import MenuraError
from menura.teachers.encoding import Pair

__all__ = ["ImportedFingerprint", "ImportedTeacher"]


@dataclass(frozen=True)
class ImportedFingerprint:
    """As whom the answer key holds the scores."""

    digest: str
    details: dict[str, str]


class ImportedTeacher:
    """What it had to say is in the answer key; it cannot be asked anything else."""

    def __init__(self, fingerprint: ImportedFingerprint) -> None:
        self.fingerprint = fingerprint

    def score(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Nothing, of no pairs.

        Raises:
            MenuraError: there are pairs: they are not among those that were imported.
        """
        if not pairs:
            return np.empty(0, np.float32)
        (query, passage), name = pairs[0], self.fingerprint.details["model"]
        raise MenuraError(
            f"[teachers] the scores of {name} were imported, and {query[:60]!r} with {passage[:60]!r} has none. "
            "Take the file's own candidates (mining.training_list)."
        )
