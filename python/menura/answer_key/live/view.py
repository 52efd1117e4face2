"""The view of several teachers, of pairs that are still being asked for."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.live.asking import Asking
from menura.answer_key.live.scores import LiveScores
from menura.answer_key.store import AnswerKey
from menura.answer_key.views import Fit, pairs_to_ask, view_targets
from menura.answer_key.views.answers import Answers, labels_of
from menura.answer_key.views.routing import route
from menura.answer_key.wanted import Pair
from menura.collections import Collection
from menura.errors import MenuraError
from menura.launch import meet
from menura.recipe.view import ViewSettings

__all__ = ["LiveView"]

Floats = NDArray[np.float64]


class LiveView:
    """What `view_targets` says of training pairs, asked for when they are needed.

    Args:
        view: one by which a pair's score does not depend on other pairs.
        fit: what it has learnt.
        digests: by teacher, the digest of its fingerprint.
        seeing: the teachers that see a passage's image.

    Raises:
        MenuraError: the view compares passages of a query.
    """

    def __init__(
        self,
        view: ViewSettings,
        fit: Fit,
        digests: Mapping[str, str],
        collection: Collection,
        *,
        key: AnswerKey,
        asking: Asking,
        seeing: Container[str] = (),
    ) -> None:
        if view.comparisons:
            keys = ", ".join(".".join(location) for location in view.comparisons)
            raise MenuraError(f"[online] the view compares a query's passages ({keys}); annotate all of them first.")
        self._view = view
        self._fit = fit
        self._digests = dict(digests)
        self._collection = collection
        self._key = key
        self._asking = asking
        self._seeing = seeing
        self._teachers: dict[str, LiveScores] = {}

    @property
    def weighs(self) -> bool:
        """Whether pairs count differently."""
        return self._view.disagreement is not None

    def prepare(self, pairs: Sequence[Pair]) -> None:
        """These, and no others, may be asked for from now on; look up what the key knows of them."""
        if self._teachers:
            self._asking.settle()
        meet()  # what any process was told is in the key from here on
        self._teachers = {name: self._scores(name, wanted) for name, wanted in self._needed(pairs).items()}
        meet()  # and all have read the same of it

    def ask(self, pairs: Sequence[Pair]) -> None:
        """Begin to have scored what is neither known nor asked for."""
        for name, wanted in self._needed(pairs).items():
            self._teachers[name].ask(wanted)

    def logits(self, teacher: str, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """One teacher's raw logits `[P]`; waits for them."""
        return self._teachers[teacher].logits(pairs)

    def targets(self, pairs: Sequence[Pair]) -> tuple[Floats, Floats]:
        """Scores `[P]` and weights `[P]`; waits for what they need.

        Raises:
            MenuraError: a teacher failed, or see `view_targets`.
        """
        members = list(self._teachers)
        routed = route(self._view.combine, members, pairs, self._collection.fields)
        logits = np.full((len(members), len(pairs)), np.nan)
        places = {pair: place for place, pair in enumerate(pairs)}
        for row, (name, wanted) in zip(logits, self._needed(pairs).items(), strict=True):
            row[[places[pair] for pair in wanted]] = self._teachers[name].logits(wanted)
        answers = Answers(members, pairs, logits, labels_of(pairs, self._collection.qrels.get("train", {})), routed)
        targets = view_targets(self._view, self._fit, answers)
        return targets.scores, targets.weights

    def _scores(self, name: str, wanted: Sequence[Pair]) -> LiveScores:
        texts = self._collection.queries, self._collection.passages(images=name in self._seeing)
        return LiveScores(name, self._digests[name], wanted, *texts, key=self._key, asking=self._asking)

    def _needed(self, pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
        return pairs_to_ask(self._view, list(self._digests), pairs, self._collection)
