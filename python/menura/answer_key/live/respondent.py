"""Teachers who are asked a batch at a time, wherever they work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.engines import Questions
from menura.answer_key.live.journal import Journal, settle
from menura.answer_key.store import AnswerKey
from menura.answer_key.teacher import Teacher
from menura.answer_key.wanted import WantedPairs
from menura.errors import MenuraError

__all__ = ["Respondent"]

# Scores that a journal holds before the key takes them over.
SETTLE_FROM = 1 << 16


class Respondent:
    """Teachers by name, each loaded when it is first asked. Until then it can be sent to another process.

    Args:
        load: by name, what makes the teacher.
        digests: by name, the digest of the fingerprint that it must have.
        location: of the answer key.
        journal: the folder for what is not in the key yet.
    """

    def __init__(
        self, load: Mapping[str, Callable[[], Teacher]], digests: Mapping[str, str], location: str, journal: Path
    ) -> None:
        self._load = dict(load)
        self._digests = dict(digests)
        self._location = location
        self._folder = journal
        self._teachers: dict[str, Teacher] = {}
        self._runs: dict[str, str] = {}
        self._journal: Journal | None = None

    def answer(self, name: str, wanted: WantedPairs) -> NDArray[np.float32]:
        """The logits of the distinct pairs of `wanted`, journalled before they are returned.

        Raises:
            MenuraError: the teacher cannot be loaded or is another one; an answer is missing or not finite; or the
                journal cannot be written.
        """
        teacher = self._ready(name)
        if self._journal is None:
            self._journal = Journal(self._folder)
        questions = Questions(self._digests[name], self._runs[name], wanted, np.arange(len(wanted.pairs)))
        logits = questions.answer(questions.missing, teacher, self._journal)
        if self._journal.rows >= SETTLE_FROM:
            self.settle()
        return logits

    def settle(self) -> None:
        """Move what was journalled into the key."""
        self.close()
        settle(self._folder, AnswerKey(self._location))

    def close(self) -> None:
        """Let go of the journal."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _ready(self, name: str) -> Teacher:
        if name not in self._teachers:
            teacher = self._load[name]()
            identity = teacher.fingerprint
            if identity.digest != self._digests[name]:
                raise MenuraError(
                    f"[online] the teacher {name} is {identity.digest} where it works, and {self._digests[name]} was "
                    "to be asked: other weights, or other versions of the libraries."
                )
            key = AnswerKey(self._location)
            key.register(identity.digest, identity.details)
            self._runs[name] = key.begin_run(identity.digest, {"engine": "online"})
            self._teachers[name] = teacher
        return self._teachers[name]
