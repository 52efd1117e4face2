"""One teacher's scores of the pairs that a training may need."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.live.asking import Asking, answer_of
from menura.answer_key.store import AnswerKey
from menura.answer_key.wanted import Pair, WantedPairs
from menura.collections import Passage
from menura.launch import ALONE, exchange, launched

__all__ = ["LiveScores"]


class LiveScores:
    """The raw logits of (query id, passage id) `pairs`: those that `key` knows now, the others once they are asked for.

    A pair of texts is asked for once, whatever its ids. Processes of torchrun, which all must come to the same calls,
    divide what they ask for and tell each other the answers.

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
        self._process = launched() or ALONE
        self._open: deque[tuple[list[int], Callable[[], bytes]]] = deque()

    def ask(self, pairs: Sequence[Pair]) -> None:
        """Begin to have scored what is neither known nor asked for."""
        distinct = {self._places[pair]: pair for pair in pairs}
        # Parts of all pairs: what a killed run was told of them changes nothing in who asks for the others.
        parts = [[place for place in part if not self._asked[place]] for part in self._process.parts(list(distinct))]
        missing = list(chain.from_iterable(parts))
        if missing:
            self._asked[missing] = True
            self._open.append((missing, self._asked_for([distinct[place] for place in parts[self._process.rank]])))

    def logits(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """The logits `[len(pairs)]`; waits for those that are being asked for, and asks for the others.

        Raises:
            MenuraError: the teacher failed.
        """
        self.ask(pairs)
        places = [self._places[pair] for pair in pairs]
        while np.isnan(self._logits[places]).any():
            answered, own = self._open.popleft()
            self._logits[answered] = np.frombuffer(b"".join(exchange(own)), np.float32)
        return self._logits[places]

    def _asked_for(self, pairs: list[Pair]) -> Callable[[], bytes]:
        """Begin to have `pairs` scored; what waits for their logits."""
        if not pairs:
            return bytes
        wanted = WantedPairs.of(pairs, self._queries, self._corpus)
        answer = self._asking.ask(self._teacher, wanted)
        return lambda: answer_of(answer)[wanted.positions].tobytes()
