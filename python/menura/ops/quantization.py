"""Token embeddings as int8, a scale a token."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.checks import check_floating

__all__ = ["quantize"]


def quantize(embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """Round every token to whole numbers of its own scale: `embeddings ~ int8 * scale`, a quarter of float32's memory.

    Args:
        embeddings: `[...,d]`, any floating dtype.

    Returns:
        int8 `[...,d]` in -127 ... 127, rounded to even, and float32 scales `[...]`, the largest magnitude / 127. A
        token that holds a NaN or an infinity has the scale NaN, so that its scores are NaN.
    """
    check_floating("quantize", embeddings=embeddings)
    embeddings = embeddings.detach().float()
    if embeddings.shape[-1] == 0:
        return embeddings.to(torch.int8), embeddings.new_zeros(embeddings.shape[:-1])
    scales = embeddings.abs().amax(-1) / 127
    whole = (embeddings / torch.where(scales > 0, scales, 1)[..., None]).round()
    finite = scales.isfinite()
    return torch.where(finite[..., None], whole, 0).to(torch.int8), torch.where(finite, scales, torch.nan)
