"""Students that learn while their teachers answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from menura.answer_key import Teacher
from menura.answer_key.live import Asking, LiveView, Respondent, settle
from menura.collections import Collection
from menura.errors import MenuraError
from menura.launch import exchange, launched
from menura.mining import upper_limit
from menura.pipeline.panel import Panel
from menura.progress import step
from menura.recipe import FilterSettings, OnlineSettings
from menura.teachers import Faculty, ImportedFingerprint, ImportedTeacher, load_teacher
from menura.training.examples import Row

__all__ = ["RowTeacher", "live_view", "teachers_device"]

Pair = tuple[str, str]


@contextmanager
def live_view(panel: Panel, collection: Collection, settings: OnlineSettings, journal: Path) -> Iterator[LiveView]:
    """The teachers of `panel`, at work as long as the block lasts; what they said is in its key when it ends.

    Each process of torchrun has its own, and all share what is asked.

    Args:
        journal: the folder for what is on its way into the key.
    """
    faculty, key = panel.faculty, panel.key
    names, fit = panel.view.members(faculty.names), panel.fit
    digests = {name: faculty.digests[name] for name in names}
    worker = settings.worker if settings.ahead else None
    if worker == "process":
        faculty.dismiss()
    load = {name: _anywhere(faculty, name) for name in names}
    respondent = Respondent(load, digests, key.location, journal)
    try:
        with Asking(respondent, worker, device=teachers_device(settings)) as asking:
            yield LiveView(panel.view, fit, digests, collection, key=key, asking=asking, seeing=panel.seeing)
    finally:
        settled = settle(journal, key)
    with step("answer key") as done:
        total = sum(int(count) for count in exchange(lambda: b"%d" % settled))
        done(f"{total:,} scores taken over from the journal in {journal}")


class RowTeacher:
    """A view's targets as the labels of rows; see `menura.training.OnlineExamples`.

    Args:
        judge: the teacher who recognises false negatives, and by which settings. A negative that it takes for a
            positive, going by the row's own, stays in the row and counts nothing.
    """

    def __init__(self, view: LiveView, judge: tuple[str, FilterSettings] | None = None) -> None:
        self._view = view
        self._judge = judge

    def prepare(self, rows: Sequence[Row]) -> None:
        self._view.prepare(_pairs(rows))

    def ask(self, rows: Sequence[Row]) -> None:
        self._view.ask(_pairs(rows))

    def labels(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        pairs = _pairs(rows)
        targets = self._view.targets(pairs)
        scores, weights = (_by_row(rows, dict(zip(pairs, column.tolist(), strict=True))) for column in targets)
        if self._judge is not None:
            name, settings = self._judge
            logits = dict(zip(pairs, self._view.logits(name, pairs).tolist(), strict=True))
            weights = weights * _trusted(_by_row(rows, logits), settings)
        return np.stack([scores, weights], axis=1) if self._weighs else scores

    @property
    def _weighs(self) -> bool:
        return self._judge is not None or self._view.weighs


def _anywhere(faculty: Faculty, name: str) -> Callable[[], Teacher]:
    """What gives a teacher in whichever thread or process calls it: the one that is loaded, else a new one."""
    loaded = faculty.loaded(name)
    if loaded is not None:
        return lambda: loaded
    fingerprint = faculty.fingerprints[name]
    if isinstance(fingerprint, ImportedFingerprint):
        return partial(ImportedTeacher, fingerprint)
    return partial(load_teacher, faculty.ready(name))


def teachers_device(settings: OnlineSettings) -> int | None:
    """The GPU of the teachers' process, by its number; None: the usual one, if there is any.

    Raises:
        MenuraError: there is none of the number that is asked for.
    """
    process, gpus = launched(), torch.cuda.device_count()
    if settings.device is None and (process is None or not gpus):
        return None
    device = (settings.device or 0) + (process.local_rank if process else 0)
    if device >= gpus:
        raise MenuraError(f"[online] the teacher's process is to work on GPU {device}, and there are {gpus}.")
    return device


def _pairs(rows: Sequence[Row]) -> list[Pair]:
    """The distinct pairs of `rows`."""
    return list(dict.fromkeys((query_id, passage_id) for query_id, passages in rows for passage_id in passages))


def _by_row(rows: Sequence[Row], values: dict[Pair, float]) -> NDArray[np.float64]:
    """`[B,N]`"""
    return np.array([[values[query_id, passage_id] for passage_id in passages] for query_id, passages in rows])


def _trusted(logits: NDArray[np.float64], settings: FilterSettings) -> NDArray[np.float64]:
    """1 for the positives, which come first in `logits` `[B,N]`, and what may count as negative; else 0."""
    highest = np.array([upper_limit(settings, [positive]) for positive in logits[:, 0].tolist()])
    lowest = -np.inf if settings.min_score is None else settings.min_score
    trusted = (logits <= highest[:, None]) & (logits >= lowest)
    trusted[:, 0] = True
    return trusted.astype(np.float64)
