"""Documents of different lengths: packed one after the other, apart, or padded."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

__all__ = ["offsets_of", "padded", "split"]


def offsets_of(lengths: Tensor) -> Tensor:
    """`[N]` -> `[N+1]`: where each document begins, and where the last one ends."""
    return torch.nn.functional.pad(lengths.cumsum(0), (1, 0))


def split(documents: Tensor, offsets: Tensor) -> list[Tensor]:
    """`[Td,d]` packed -> N views `[L_n,d]`."""
    return list(documents.split(offsets.diff().tolist()))


def padded(documents: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """`[Td,d]` packed -> `[N,L,d]` with zeros behind each document, and the `[N,L]` mask of its tokens."""
    lengths = offsets.diff()
    mask = torch.arange(int(lengths.max()), device=lengths.device) < lengths[:, None]
    return pad_sequence(split(documents, offsets), batch_first=True), mask
