"""Which teacher answers which pair."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from menura.collections import Fields
from menura.errors import MenuraError
from menura.recipe.view import CombineSettings, ViewSettings

__all__ = ["asked", "route"]

Pair = tuple[str, str]


def route(
    settings: CombineSettings, teachers: Sequence[str], pairs: Sequence[Pair], fields: Fields
) -> NDArray[np.intp] | None:
    """The position `[P]` in `teachers` of the one that answers each pair; None where all of them do.

    Raises:
        MenuraError: the field of a pair's query or passage has no value, or one that no teacher is named for, and
            there is no default.
    """
    if settings.route is None:
        return None
    side = 0 if settings.route.startswith("query.") else 1
    values = fields.get(settings.route, {})
    position = {name: index for index, name in enumerate(teachers)}
    chosen = {value: position[name] for value, name in settings.teachers.items()}
    default = None if settings.default is None else position[settings.default]
    found = [chosen.get(values.get(pair[side], ""), default) for pair in pairs]
    for pair, index in zip(pairs, found, strict=True):
        if index is None:
            value = values.get(pair[side])
            raise MenuraError(
                f"[view] no teacher answers the pair {pair}: the {'passage' if side else 'query'} {pair[side]!r} has "
                f"{settings.route} {value!r}; view.combine.teachers knows {', '.join(map(repr, chosen))}, and there is "
                "no default."
            )
    return np.array(found, np.intp)


def asked(
    view: ViewSettings, teachers: Sequence[str], pairs: Sequence[Pair], route: NDArray[np.intp] | None
) -> NDArray[np.bool_]:
    """Whose scores are needed: `[T,P]` of `teachers`; those of a route, and of a reference all."""
    voices = np.array([name in view.voices(teachers) for name in teachers])
    references = np.array([name in view.references for name in teachers])
    answers = np.repeat(voices[:, None], len(pairs), 1)
    if route is not None:
        answers = np.arange(len(teachers))[:, None] == route
    return np.asarray(answers | references[:, None])
