"""Texts as the launches take them: where the vectors of their tokens lie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from menura.kernels.inverse_lengths import inverse_lengths
from menura.kernels.launching import block, launch
from menura.kernels.layouts import counted_tokens, text_lengths
from menura.kernels.tuning import tuning
from menura.ops.checks import compute_dtype
from menura.ops.library.calling import as_rows

__all__ = ["Texts", "packed", "padded"]

# Texts whose length a program finds.
TOGETHER = 16


@dataclass(frozen=True)
class Texts:
    """Vectors of tokens `[N,L,d]`, or packed `[T,d]` with offsets `[N+1]`; masks and scales have one number a token."""

    rows: Tensor
    count: int
    tokens: int
    offsets: Tensor | None
    mask: Tensor | None
    scales: Tensor | None

    @property
    def strides(self) -> tuple[int, int]:
        """Elements from text to text, if padded, and from token to token."""
        return (0 if self.offsets is not None else self.rows.stride(0)), self.rows.stride(-2)

    @property
    def typical_tokens(self) -> int:
        """Tokens of a text; of a packed one the average, which needs no look at the offsets."""
        return self.tokens if self.offsets is None else -(-self.tokens // max(self.count, 1))

    def consecutive_rows(self) -> Tensor:
        """The rows, copied only where a text does not begin at the end of the one before."""
        if self.offsets is None and self.rows.stride(0) != self.tokens * self.rows.stride(1):
            return self.rows.contiguous()
        return self.rows

    def text_of_row(self) -> Tensor | None:
        """`[T]` int32: which text each row is of; None where they are padded."""
        if self.offsets is None:
            return None
        texts = torch.arange(self.count, dtype=torch.int32, device=self.offsets.device)
        return texts.repeat_interleave(self.offsets.diff(), output_size=self.tokens)

    def lengths(self) -> Tensor | None:
        """`[N]` int32: tokens up to the last that counts; None where all of them may."""
        if self.mask is None:
            return None
        lengths = self.mask.new_empty(self.count, dtype=torch.int32)
        launch(
            text_lengths,
            (-(-self.count // TOGETHER),),
            lengths.device,
            self.mask,
            lengths,
            self.count,
            self.tokens,
            self.offsets,
            TEXTS=TOGETHER,
            TOKENS=block(self.tokens, 16, 256),
        )
        return lengths

    def counted(self) -> tuple[Tensor | None, Tensor | None]:
        """`[N]` int32: how many tokens count; `[N,L]` int32: which, at the start of its row. None where all do."""
        if self.mask is None:
            return None, None
        counts = self.mask.new_empty(self.count, dtype=torch.int32)
        order = self.mask.new_empty((self.count, self.tokens), dtype=torch.int32)
        launch(
            counted_tokens,
            (-(-self.count // TOGETHER),),
            counts.device,
            self.mask,
            order,
            counts,
            self.count,
            self.tokens,
            TEXTS=TOGETHER,
            TOKENS=block(self.tokens, 16, 256),
        )
        return counts, order

    def normalized(self) -> Texts:
        """The same with scales that divide each vector by its length."""
        rows, dim = self.rows.shape[:-1].numel(), self.rows.shape[-1]
        scales = self.rows.new_empty(rows, dtype=compute_dtype(self.rows.dtype))
        sizes = tuning("inverse_lengths", self.rows.dtype)
        launch(
            inverse_lengths,
            (-(-rows // sizes.rows),),
            scales.device,
            self.rows,
            *self.strides,
            self.tokens,
            scales,
            rows,
            DIM=dim,
            ROWS=sizes.rows,
            DEPTH=block(dim, 16, sizes.depth),
            **sizes.options,
        )
        return replace(self, scales=scales)


def padded(vectors: Tensor, mask: Tensor | None = None, scales: Tensor | None = None) -> Texts:
    """`[N,L,d]`; `[N,K,L,d]` counts as N K texts."""
    rows = as_rows(vectors)
    return Texts(rows, rows.shape[0], rows.shape[1], None, mask, scales)


def packed(vectors: Tensor, offsets: Tensor, mask: Tensor | None = None, scales: Tensor | None = None) -> Texts:
    """`[T,d]` with offsets `[N+1]`."""
    return Texts(as_rows(vectors), offsets.shape[0] - 1, vectors.shape[0], offsets, mask, scales)
