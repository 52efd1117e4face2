"""How many processes train together, and whether what they hold is a whole batch."""

from __future__ import annotations

import torch
from accelerate.state import GradientState
from torch import distributed

__all__ = ["process_count", "require_whole_batch"]


def process_count() -> int:
    """The processes whose batches make one."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def require_whole_batch(asker: str) -> None:
    """Refuse a trainer's micro-batches, for an `asker` whose value is no mean over the parts of a batch.

    Raises:
        ValueError: the trainer accumulates gradients.
    """
    # Of a step's micro-batches all but the last leave the gradients unsynchronised.
    if torch.is_grad_enabled() and not GradientState().sync_gradients:
        raise ValueError(
            f"[losses] {asker} need a whole batch, and gradient_accumulation_steps splits it. Set it to 1, multiply "
            "per_device_train_batch_size by it instead, and give the loss a mini_batch_size, which bounds the memory."
        )
