"""When two students begin to teach each other."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from menura.errors import MenuraError
from menura.losses import MutualLearning

__all__ = ["MutualStart"]


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
