"""Asking in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.engines.chunks import WINDOW, windows
from menura.answer_key.engines.questions import Questions
from menura.answer_key.store import AnswerKey
from menura.answer_key.teacher import Teacher
from menura.progress import progress_bar

__all__ = ["LocalEngine"]

FIRST_CHUNK = 256
# A chunk grows until writing it is no longer felt: then the teacher works on it for so many seconds.
CHUNK_SECONDS = 5.0


class LocalEngine:
    """`teacher`, here, with one write every `chunk_size` pairs. None: every so many as it scores in some seconds."""

    name = "local"

    def __init__(self, teacher: Teacher, *, chunk_size: int | None = None) -> None:
        self._teacher = teacher
        self._chunk_size = chunk_size

    def answer(self, questions: Questions, key: AnswerKey) -> None:
        """Ask chunk by chunk, under a progress bar; a run cut short costs at most one chunk."""
        with progress_bar() as progress:
            task = progress.add_task("Asking the teacher", total=len(questions.missing), unit="pairs")
            for chunk in self._chunks(questions):
                questions.answer(chunk, self._teacher, key)
                progress.advance(task, len(chunk))

    def _chunks(self, questions: Questions) -> Iterator[NDArray[np.intp]]:
        size = self._chunk_size or FIRST_CHUNK
        for window in windows(questions.wanted, questions.missing):
            done = 0
            while done < len(window):
                began = time.perf_counter()
                yield window[done : done + size]
                done += size
                if self._chunk_size is None and time.perf_counter() - began < CHUNK_SECONDS / 2:
                    size = min(2 * size, WINDOW)
