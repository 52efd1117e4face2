"""What may follow the SPLADE head's forward on a GPU: the largest entries of its rows, and compressed rows."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.kernels.launching import block, launch
from menura.kernels.splade_head_epilogue import compress_rows, count_stored, keep_largest
from menura.kernels.tuning import tuning

__all__ = ["compressed", "keep_top"]


def keep_top(output: Tensor, k: int) -> None:
    """Zero all but the k largest entries of each row of `[B,V]`; the lowest terms win a tie."""
    rows, vocabulary = output.shape
    if k < vocabulary:
        sizes = tuning("keep_largest", output.dtype)
        entries = block(vocabulary, 16, sizes.columns)
        launch(keep_largest, (rows,), output.device, output, vocabulary, k, ENTRIES=entries, **sizes.options)


def compressed(output: Tensor, argmax: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """crow, col and values of the entries of `[B,V]` that are not zero, and their `argmax`; waits for their number."""
    rows, vocabulary = output.shape
    sizes = tuning("compress_rows", output.dtype)
    entries = block(vocabulary, 16, sizes.columns)
    counts = output.new_zeros(rows + 1, dtype=torch.int64)
    launch(count_stored, (rows,), output.device, output, counts[1:], vocabulary, ENTRIES=entries, **sizes.options)
    crow = counts.cumsum(0)
    stored = int(crow[-1])
    col, values = output.new_empty(stored, dtype=torch.int64), output.new_empty(stored)
    winners = None if argmax is None else argmax.new_empty(stored)
    launch(
        compress_rows,
        (rows,),
        output.device,
        output,
        argmax,
        crow,
        col,
        values,
        winners,
        vocabulary,
        ENTRIES=entries,
        **sizes.options,
    )
    return crow, col, values, winners
