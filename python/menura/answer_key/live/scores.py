"""One teacher's scores of the pairs that a training may need."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.live.asking import Answer, Asking, answer_of
from menura.answer_key.store import AnswerKey
from menura.answer_key.wanted import Pair, WantedPairs
from menura.collections import Passage

__all__ = ["LiveScores"]


class LiveScores:
    """The raw logits of (query id, passage id) `pairs`: those that `key` knows now, the others once they are asked for.

    A pair of texts is asked for once, whatever its ids.

    Args:
        teacher: its name, to those who are `asking`.
        digest: of its fingerprint.
        queries: query id -> text.
        corpus: passage id -> text, or text and image, whatever the teacher sees.

    Raises:
        MenuraError: an id is unknown, or the key cannot be read.
    """

    def __init__(
        self,
        teacher: str,
        digest: str,
        pairs: Sequence[Pair],
        queries: Mapping[str, str],
        corpus: Mapping[str, Passage],
        *,
        key: AnswerKey,
        asking: Asking,
    ) -> None:
        self._teacher = teacher
        self._queries = queries
        self._corpus = corpus
        self._asking = asking
        wanted = WantedPairs.of(pairs, queries, corpus)
        self._places = dict(zip(pairs, wanted.positions.tolist(), strict=True))
        self._logits = key.logits(digest, wanted.pairs)
        self._asked = ~np.isnan(self._logits)
        self._open: deque[tuple[NDArray[np.intp], Answer]] = deque()

    def ask(self, pairs: Sequence[Pair]) -> None:
        """Begin to have scored what is neither known nor asked for."""
        missing = {self._places[pair]: pair for pair in pairs if not self._asked[self._places[pair]]}
        if missing:
            wanted = WantedPairs.of(list(missing.values()), self._queries, self._corpus)
            places = np.empty(len(missing), np.intp)
            places[wanted.positions] = list(missing)
            self._asked[places] = True
            self._open.append((places, self._asking.ask(self._teacher, wanted)))

    def logits(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """The logits `[len(pairs)]`; waits for those that are being asked for, and asks for the others.

        Raises:
            MenuraError: the teacher failed.
        """
        self.ask(pairs)
        places = [self._places[pair] for pair in pairs]
        while np.isnan(self._logits[places]).any():
            answered, answer = self._open.popleft()
            self._logits[answered] = answer_of(answer)
        return self._logits[places]
