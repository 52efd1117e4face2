"""Which texts of a batch."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from menura.losses.encoded import Features
from menura.losses.encoded.padding import stack_padded

__all__ = ["COLUMNS", "Texts", "tokens_of"]

Texts = Literal["queries", "positives", "passages"]

# The columns of a batch are its queries, their positives, and what else there is of passages.
COLUMNS: dict[Texts, slice] = {"queries": slice(0, 1), "positives": slice(1, 2), "passages": slice(1, None)}


def tokens_of(columns: list[Features]) -> tuple[Tensor, Tensor]:
    """Token ids `[R,L]` and mask `[R,L]` of all texts, column by column; ids are 0 where the mask is."""
    masks = stack_padded([column["attention_mask"].bool() for column in columns]).transpose(0, 1).flatten(0, 1)
    ids = stack_padded([column["input_ids"] for column in columns]).transpose(0, 1).flatten(0, 1)
    return ids.masked_fill(~masks, 0), masks
