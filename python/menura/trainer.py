"""What every sentence-transformers trainer of ours shares, the teacher's and the students'."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from rich.progress import Progress
from torch import nn
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from menura.progress import progress_bar
from menura.recipe import TrainerSettings

__all__ = [
    "ProgressCallback",
    "checkpoint_layers",
    "plain_attention",
    "set_dropout",
    "show_progress",
    "trainer_arguments",
]


def trainer_arguments(
    settings: TrainerSettings, *, output: str, seed: int, whole_batches: bool = False
) -> dict[str, Any]:
    """Keyword arguments for a `TrainingArguments` of the teacher or of either student.

    With `whole_batches` the trainer hands over a step's rows at once, for a loss that looks at them together.
    """
    accelerator = torch.accelerator.is_available()
    return {
        "output_dir": output,
        "seed": seed,
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps or -1,
        "per_device_train_batch_size": settings.batch_size * (settings.accumulation if whole_batches else 1),
        "gradient_accumulation_steps": 1 if whole_batches else settings.accumulation,
        "learning_rate": settings.learning_rate,
        "warmup_steps": settings.warmup_ratio,  # below 1 it counts as a share of all steps
        "weight_decay": settings.weight_decay,
        "bf16": settings.bf16,
        "use_cpu": not accelerator,
        "logging_steps": settings.logging_steps,
        "save_strategy": "no" if settings.save_steps is None else "steps",
        "save_steps": settings.save_steps or 500,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": accelerator,
    }


def set_dropout(model: nn.Module, probability: float | None) -> None:
    """One probability for all of the model's dropout; None: its own."""
    for module in model.modules():
        if probability is not None and isinstance(module, nn.Dropout):
            module.p = probability


def checkpoint_layers(model: Any, settings: TrainerSettings) -> None:
    """Where the recipe says so, compute layers once more in the backward pass instead of keeping what they made."""
    if settings.gradient_checkpointing:
        # The reentrant kind needs a gradient at the first layer, which frozen embeddings lack.
        model.gradient_checkpointing_enable({"use_reentrant": False})


def plain_attention(model: nn.Module) -> None:
    """On a CPU, take the attention whose backward is fast: that of PyTorch's fused one costs several forwards."""
    if torch.accelerator.is_available():
        return
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            module.set_attn_implementation("eager")


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
