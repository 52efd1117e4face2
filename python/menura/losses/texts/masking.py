"""BERT's masking (Devlin et al. 2019, arXiv 1810.04805)."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["mask_words"]

MASKED, REPLACED = 0.8, 0.1


def mask_words(
    ids: Tensor,
    maskable: Tensor,
    *,
    share: float,
    mask_id: int,
    words: Tensor,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Choose `share` of the maskable tokens: 80 % become the mask, 10 % a word drawn at random, 10 % stay.

    Args:
        ids: `[B,L]` int64.
        maskable: `[B,L]` bool; no other token is chosen.
        words: `[W]`, the ids that are drawn from, each as likely.
        generator: where chance comes from. None: torch's own, which a checkpoint of a training run restores.

    Returns:
        What a model is to read `[B,L]`, and which tokens it is to tell `[B,L]` bool.
    """
    luck, fate = torch.rand(2, *ids.shape, device=ids.device, generator=generator)
    chosen = maskable & (luck < share)
    drawn = words[torch.randint(len(words), ids.shape, device=ids.device, generator=generator)]
    read = torch.where(chosen & (fate < MASKED), mask_id, ids)
    return torch.where(chosen & (fate >= MASKED) & (fate < MASKED + REPLACED), drawn, read), chosen
