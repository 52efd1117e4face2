"""What happens online between a trainer's steps."""

from __future__ import annotations

from typing import Any, Protocol

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from menura.training.online.schedule import ScheduledBatchSampler

__all__ = ["OnlineProgress"]


class Followed(Protocol):
    """Whoever needs to know how far a training is."""

    def start(self, step: int, steps: int) -> None: ...

    def refresh(self, step: int, model: Any) -> None: ...


class OnlineProgress(TrainerCallback):
    """Tells the examples where a training starts, from a checkpoint or afresh, and when a step is done; and the sampler
    which epoch it is.
    """

    def __init__(self, examples: Followed) -> None:
        self._examples = examples

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._examples.start(state.global_step, state.max_steps)

    def on_epoch_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        train_dataloader: Any = None,
        **kwargs: Any,
    ) -> None:
        # The trainer's own word does not reach the sampler where it is wrapped twice: in one of several processes that
        # goes on in the middle of an epoch.
        sampler = train_dataloader.batch_sampler
        while hasattr(sampler, "batch_sampler"):
            sampler = sampler.batch_sampler
        if isinstance(sampler, ScheduledBatchSampler):
            sampler.set_epoch(int(state.epoch or 0))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **kwargs: Any
    ) -> None:
        # Before the step's checkpoint is saved, so that one always finds what was mined until then.
        self._examples.refresh(state.global_step, model)
