"""What a model is set to before it is trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from menura.recipe import TrainerSettings

__all__ = ["checkpoint_layers", "plain_attention", "set_dropout"]


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
    """On a CPU, take the attention whose backward is fast in bf16, where that of PyTorch's fused one costs several
    forwards; in float32 the fused one is faster.
    """
    if torch.accelerator.is_available():
        return
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            module.set_attn_implementation("eager")
