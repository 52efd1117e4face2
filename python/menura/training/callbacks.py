"""What happens between the steps of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from menura.errors import MenuraError
from menura.losses import MutualLearning, Regularizer, SpladeDistillationLoss

__all__ = ["MutualStart", "RegularizerWarmup"]


class MutualStart(TrainerCallback):
    """Has two students teach each other from step `start` on, counted from 0; the step alone decides.

    Raises:
        MenuraError: when the training begins, if it ends before that step.
    """

    def __init__(self, mutual: MutualLearning, start: int) -> None:
        self._mutual = mutual
        self._start = start

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self._start >= state.max_steps:
            raise MenuraError(
                f"[training] joint.start_step {self._start} is not reached in {state.max_steps} steps; "
                "start earlier or train longer."
            )

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._mutual.begun = state.global_step >= self._start


class RegularizerWarmup(TrainerCallback):
    """Grows regularizers quadratically from zero over the first `warmup` share of all steps.

    The share follows from the step alone, so a resumed run goes on where it stopped. Logs the share and the active
    terms per query and document.
    """

    def __init__(self, loss: SpladeDistillationLoss, regularizers: Sequence[Regularizer], *, warmup: float) -> None:
        self._loss = loss
        self._regularizers = regularizers
        self._warmup = warmup
        self._share = 0.0

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        steps = self._warmup * state.max_steps
        self._share = min(1.0, state.global_step / steps) ** 2 if steps > 0 else 1.0
        for regularizer in self._regularizers:
            regularizer.share = self._share

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs is not None and "loss" in logs:
            seen = {**self._loss.terms, "regularizer_share": self._share}
            logs.update(seen)
            # The history has taken its copy of the entry by now.
            state.log_history[-1].update(seen)
