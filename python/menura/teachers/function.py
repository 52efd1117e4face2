"""Any Python function as teacher."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from menura.collections import Passage
from menura.errors import MenuraError
from menura.teachers.fingerprint import Fingerprint

__all__ = ["FunctionTeacher"]


class FunctionTeacher:
    """Scores (query, passage) pairs with `function`.

    Code cannot be hashed with what it reads and calls, so its identity is what you say: change `version` with
    whatever changes a score, or the answer key will hold scores of both as if they were of one.

    Args:
        function: a list of (query, passage) texts -> one number each, in their order; higher is a better match.
        name: what the function is called.
        version: which of its answers these are.
        images: it sees images: a passage that has one is a `menura.collections.IllustratedPassage`, not a string.
    """

    def __init__(
        self, function: Callable[[list[Any]], ArrayLike], *, name: str, version: str, images: bool = False
    ) -> None:
        self._function = function
        self._name = name
        sight = {"sees": "text and image"} if images else {}
        self.fingerprint = Fingerprint({"function": name, "version": version, **sight})

    @classmethod
    def load(cls, name: str, *, version: str, images: bool = False) -> FunctionTeacher:
        """Import `name`, ``package.module:function``.

        Raises:
            MenuraError: there is no such module or function, or importing it fails.
        """
        module, _, attribute = name.partition(":")
        try:
            function = getattr(importlib.import_module(module), attribute)
        except Exception as error:
            raise MenuraError(
                f"[teachers] cannot import {name!r}: {_brief(error)}. Install it, or put its folder on PYTHONPATH."
            ) from error
        if not callable(function):
            raise MenuraError(f"[teachers] {name} is not a function; got {type(function).__name__}.")
        return cls(function, name=name, version=version, images=images)

    def score(self, pairs: Sequence[tuple[str, Passage]]) -> NDArray[np.float32]:
        """The function's answers `[len(pairs)]`; it is not called without pairs.

        Raises:
            MenuraError: the function fails, or does not answer one number for each pair.
        """
        if not pairs:
            return np.empty(0, np.float32)
        try:
            scores = np.asarray(self._function(list(pairs)), np.float32)
        except Exception as error:
            raise MenuraError(
                f"[teachers] the function {self._name} failed on {len(pairs)} pairs: {_brief(error)}."
            ) from error
        if scores.shape != (len(pairs),):
            raise MenuraError(
                f"[teachers] the function {self._name} must answer one number for each of {len(pairs)} pairs; "
                f"got shape {list(scores.shape)}."
            )
        return scores


def _brief(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
