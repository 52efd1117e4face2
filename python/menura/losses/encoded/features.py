"""What the model takes of one column of texts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["Features", "text_keys"]

# Token ids `[R,L]` and their mask, the task, and whatever else the tokenizer gives.
Features = dict[str, Any]

# Odd, so that its powers modulo 2^64 never vanish.
BASE = 6364136223846793005


def text_keys(features: Features) -> Tensor:
    """`[R]` 64-bit numbers, equal for texts of the same tokens: `sum_l (id_l + 1) BASE^l`, modulo 2^64.

    Padding and its side change nothing, and nor does the device or the process.
    """
    mask: Tensor = features["attention_mask"].long()
    tokens: Tensor = (features["input_ids"] + 1) * mask
    powers = torch.full((mask.shape[1],), BASE, device=mask.device).cumprod(0)
    # A token's place is counted among those that are not padding; integers wrap around.
    places = (mask.cumsum(dim=1) - 1).clamp(min=0)
    return (tokens * powers[places]).sum(dim=1)
