"""From a recipe's `trainer` section to the arguments of a trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import TrainingArguments

from menura.recipe import TrainerSettings
from menura.weights import CHECKPOINTS

__all__ = ["trainer_arguments"]

Arguments = TypeVar("Arguments", bound=TrainingArguments)


def trainer_arguments(
    kind: type[Arguments],
    settings: TrainerSettings,
    output: Path,
    *,
    seed: int,
    whole_batches: bool = False,
    **more: Any,
) -> Arguments:
    """Those of a trainer of the teacher or of either student, which are of class `kind`.

    Args:
        output: the folder of the trained model, and of its checkpoints.
        whole_batches: hand over a step's rows at once, for a loss that looks at them together.
        more: arguments besides.
    """
    accelerator = torch.accelerator.is_available()
    arguments: dict[str, Any] = {
        "output_dir": str(output / CHECKPOINTS),
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
    made = kind(**arguments, **more)
    if made.n_gpu > 1:
        # Else several GPUs without torchrun would be threads that split a batch which the loss looks at as a whole.
        made._n_gpu = 1
    return made
