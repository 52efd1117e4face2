"""Asking on a Ray cluster: a pool of workers, each with a teacher of its own, one or many machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from menura.answer_key.engines.chunks import chunks, windows
from menura.answer_key.engines.questions import Questions
from menura.answer_key.store import AnswerKey
from menura.answer_key.teacher import Teacher
from menura.errors import MenuraError
from menura.progress import progress_bar

__all__ = ["RayEngine"]

BLOCKS = 1000


class RayEngine:
    """Workers of Ray Data, as many as there is work for and the cluster has GPUs, or CPUs where it has no GPU.

    Every worker writes what it scored, so the key must lie where all machines reach it: a shared folder or an object
    store. The cluster is the one that ``RAY_ADDRESS`` names; else one is started on this machine.

    Args:
        load: makes a worker's teacher; it must answer as the one that `annotate` is given.
        workers: the most there may be.
        chunk_size: pairs scored between two writes.
    """

    name = "ray"

    def __init__(self, load: Callable[[], Teacher], *, workers: int | None = None, chunk_size: int = 1024) -> None:
        self._load = load
        self._workers = workers
        self._chunk_size = chunk_size

    def answer(self, questions: Questions, key: AnswerKey) -> None:
        """Ask chunk by chunk, under a progress bar; a run cut short costs at most one chunk a worker.

        Raises:
            MenuraError: Ray is not installed, or a worker met one.
        """
        ray = _ray()
        started = not ray.is_initialized()
        if started:
            ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        try:
            self._answer(questions, key)
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise MenuraError(f"[annotate] the Ray cluster failed: {reason}") from error
        finally:
            if started:
                ray.shutdown()

    def _answer(self, questions: Questions, key: AnswerKey) -> None:
        import ray.data

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        cut = [
            chunk
            for window in windows(questions.wanted, questions.missing)
            for chunk in chunks(window, self._chunk_size)
        ]
        shared = ray.put((questions, cut))
        gpus = int(ray.cluster_resources().get("GPU", 0))
        most = self._workers or gpus or int(ray.cluster_resources()["CPU"])
        answered = ray.data.range(len(cut), override_num_blocks=min(len(cut), BLOCKS)).map_batches(
            _Worker,
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=max(1, min(most, len(cut)))),
            fn_constructor_args=(self._load, key.location, [shared]),
            num_gpus=1 if gpus else 0,
            num_cpus=0 if gpus else 1,
        )
        with progress_bar() as progress:
            task = progress.add_task("Asking the teacher", total=len(questions.missing), unit="pairs")
            for row in answered.iter_rows():
                if row["error"]:
                    raise MenuraError(row["error"])
                progress.advance(task, row["answered"])


class _Worker:
    """A teacher on the cluster. Our errors are results: exceptions would arrive without their sentence."""

    def __init__(self, load: Callable[[], Teacher], location: str, shared: list[Any]) -> None:
        import ray

        self._questions, self._chunks = ray.get(shared[0])
        self._error = ""
        try:
            self._teacher, self._key = load(), AnswerKey(location, create=False)
            self._check()
        except MenuraError as error:
            self._error = str(error)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        (number,) = batch["id"].tolist()
        chunk = self._chunks[number]
        error = self._error
        try:
            if not error:
                self._questions.answer(chunk, self._teacher, self._key)
        except MenuraError as refused:
            error = str(refused)
        return {"answered": np.array([len(chunk)]), "error": np.array([error])}

    def _check(self) -> None:
        digest = self._teacher.fingerprint.digest
        if digest != self._questions.teacher:
            raise MenuraError(
                f"[annotate] a worker's teacher is {digest}, and {self._questions.teacher} was to be asked: other "
                "weights, or other versions of the libraries."
            )
        if self._questions.run not in self._key.runs()["run"].to_pylist():
            raise MenuraError(
                f"[annotate] a worker sees another answer key at {self._key.location}; it must be a folder that all "
                "machines share, or an object store."
            )


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as missing:
        raise MenuraError("[annotate] Ray is not installed; run: pip install 'menura[ray]'") from missing
    return ray
