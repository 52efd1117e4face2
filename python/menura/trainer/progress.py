"""Our progress bar under a trainer."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from rich.progress import Progress
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from menura.progress import progress_bar

__all__ = ["show_progress"]


def show_progress(trainer: Any, description: str) -> None:
    """Put our progress bar in the place of the trainer's printed logs."""
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(ProgressCallback(description))


class ProgressCallback(TrainerCallback):
    """A bar of optimizer steps with rate, time left and the latest loss."""

    def __init__(self, description: str) -> None:
        self._description = description
        self._bar: AbstractContextManager[Progress] | None = None
        self._progress: Progress | None = None
        self._task: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._bar = progress_bar()
        self._progress = self._bar.__enter__()
        self._task = self._progress.add_task(
            self._description, total=state.max_steps, completed=state.global_step, unit="steps"
        )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._progress is not None:
            self._progress.update(self._task, completed=state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if self._progress is not None and logs and "loss" in logs:
            self._progress.update(self._task, description=f"{self._description} (loss {float(logs['loss']):.3f})")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = self._progress = None
