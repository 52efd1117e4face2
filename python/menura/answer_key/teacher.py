"""What the answer key asks of a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Teacher"]


class Identity(Protocol):
    """What a teacher is made of."""

    @property
    def digest(self) -> str: ...

    @property
    def details(self) -> dict[str, str]: ...


class Teacher(Protocol):
    """Whoever judges (query, passage) texts: one raw logit each, `[len(pairs)]`, in their order.

    Most read texts. One that sees images takes a `menura.collections.Passage`, a text with or without an image.
    """

    @property
    def fingerprint(self) -> Identity: ...

    def score(self, pairs: Sequence[tuple[str, Any]]) -> NDArray[np.float32]: ...
