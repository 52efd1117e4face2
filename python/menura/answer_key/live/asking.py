"""Where the teachers work: here and now, in a thread, or in a process of their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from menura.answer_key.live.respondent import Respondent
from menura.answer_key.wanted import WantedPairs
from menura.errors import MenuraError
from menura.launch import forget_the_launcher

__all__ = ["Asking", "Worker"]

Worker = Literal["process", "thread"]
Answer = Future[NDArray[np.float32]]


class Asking:
    """Questions to a `respondent`, answered one after the other. A context: leaving it drops what is not begun.

    Args:
        worker: who asks. None: the caller, who waits. A process is spawned, so a script that uses one needs the usual
            ``if __name__ == "__main__":``; it ends when this process does, however that ends.
        device: the GPU of a process, by torch's number here. None: the first.
    """

    def __init__(self, respondent: Respondent, worker: Worker | None = None, *, device: int | None = None) -> None:
        self._respondent = respondent
        self._in_process = worker == "process"
        self._executor: Executor
        if worker == "process":
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(respondent, device))
        else:
            self._executor = _Here() if worker is None else ThreadPoolExecutor(1, "menura-teacher")

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
        if not self._in_process:
            self._respondent.close()

    def ask(self, teacher: str, wanted: WantedPairs) -> Answer:
        """Begin to have `teacher` score the distinct pairs of `wanted`."""
        return self._submit("answer", teacher, wanted)

    def settle(self) -> None:
        """Move everything asked for so far into the key; waits for it.

        Raises:
            MenuraError: see `answer_of`.
        """
        answer_of(self._submit("settle"))

    def _submit(self, call: str, *arguments: Any) -> Future[Any]:
        if not self._in_process:
            return self._executor.submit(getattr(self._respondent, call), *arguments)
        with _one_line():
            return self._executor.submit(_call, call, *arguments)


def answer_of(answer: Future[Any]) -> Any:
    """What was answered; waits for it.

    Raises:
        MenuraError: the teacher failed, or its process died.
    """
    with _one_line():
        return answer.result()


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except MenuraError:
        raise
    except BrokenProcessPool as error:
        raise MenuraError(
            "[online] the teacher's process died: killed, out of memory, or started by a script without "
            'if __name__ == "__main__". What it had scored is kept; run again.'
        ) from error
    except Exception as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise MenuraError(f"[online] the teacher failed: {type(error).__name__}: {reason}") from error


class _Here(Executor):
    """Does at once what it is given."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(call(*arguments, **options))
        except Exception as error:
            done.set_exception(error)
        return done


# Of the teachers' process.
_respondent: Respondent


def _begin(respondent: Respondent, device: int | None) -> None:
    global _respondent
    _respondent = respondent
    forget_the_launcher()
    if device is not None:
        _see_only(device)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer hears it too, and ends this process in order
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _see_only(device: int) -> None:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[device] if visible else str(device)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(call: str, *arguments: Any) -> Any:
    return getattr(_respondent, call)(*arguments)
