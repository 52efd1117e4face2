"""From a recipe's trainer section to the keyword arguments that every sentence-transformers trainer takes."""

from __future__ import annotations

from typing import Any

import torch

from menura.recipe import TrainerSettings

__all__ = ["trainer_arguments"]


def trainer_arguments(settings: TrainerSettings, *, output: str, seed: int) -> dict[str, Any]:
    """Arguments for a `TrainingArguments` of the teacher or of either student."""
    return {
        "output_dir": output,
        "seed": seed,
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps or -1,
        "per_device_train_batch_size": settings.batch_size,
        "learning_rate": settings.learning_rate,
        "warmup_steps": settings.warmup_ratio,  # below 1 it counts as a share of all steps
        "weight_decay": settings.weight_decay,
        "bf16": settings.bf16,
        "use_cpu": not torch.accelerator.is_available(),
        "logging_steps": settings.logging_steps,
        "save_strategy": "no" if settings.save_steps is None else "steps",
        "save_steps": settings.save_steps or 500,
        "report_to": "none",
        "dataloader_pin_memory": torch.accelerator.is_available(),
    }
