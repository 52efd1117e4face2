"""What is to be asked, and how an answer gets into the key: the same with every engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.hashing import Hashes
from menura.answer_key.store import AnswerKey
from menura.answer_key.teacher import Teacher
from menura.answer_key.wanted import WantedPairs
from menura.errors import MenuraError

__all__ = ["Engine", "Questions", "Store"]


class Store(Protocol):
    """What keeps answers: the key, or a journal on the way to it."""

    def append(
        self, teacher: str, queries: Hashes, passages: Hashes, logits: NDArray[np.float32], *, run: str
    ) -> None: ...


@dataclass(frozen=True)
class Questions:
    """The pairs at `missing` among `wanted`, for the teacher of digest `teacher`, in the run `run`."""

    teacher: str
    run: str
    wanted: WantedPairs
    missing: NDArray[np.intp]

    def answer(self, chunk: NDArray[np.intp], teacher: Teacher, store: Store) -> NDArray[np.float32]:
        """Have `teacher` score the pairs at `chunk`, some of `missing`, store its answers, and return them.

        Raises:
            MenuraError: an answer is missing or not finite, or the key cannot be written; nothing of `chunk` is stored.
        """
        logits = np.asarray(teacher.score(self.wanted.texts(chunk)), np.float32)
        self._check(chunk, logits)
        store.append(self.teacher, *self.wanted.pairs.hashes(chunk), logits, run=self.run)
        return logits

    def _check(self, chunk: NDArray[np.intp], logits: NDArray[np.float32]) -> None:
        kept = "Nothing of this chunk is stored; all scores before it are."
        if logits.shape != (len(chunk),):
            raise MenuraError(f"[answer_key] the teacher answered {logits.shape} scores to {len(chunk)} pairs. {kept}")
        bad = np.flatnonzero(~np.isfinite(logits))
        if bad.size:
            query_id, passage_id = self.wanted.ids(int(chunk[bad[0]]))
            raise MenuraError(
                f"[answer_key] the teacher answered {logits[bad[0]]} to the query {query_id!r} and the passage "
                f"{passage_id!r}. {kept}"
            )


class Engine(Protocol):
    """Has all questions answered."""

    @property
    def name(self) -> str: ...

    def answer(self, questions: Questions, key: AnswerKey) -> None: ...
