"""Block shapes by kernel and architecture: a table, so that no user's first step stalls in a search.

The shapes are upper limits: a launch takes the smallest power of two that covers a smaller input.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from triton import knobs
from triton.runtime import driver

__all__ = ["TABLE", "Tuning", "architecture", "precision", "tuning"]


@dataclass(frozen=True)
class Tuning:
    """The tile of a program, `rows` by `columns`, summed over `depth` numbers at a time."""

    rows: int
    columns: int
    depth: int
    warps: int = 4
    stages: int = 1

    @property
    def options(self) -> dict[str, int]:
        """What Triton compiles the kernel with."""
        return {"num_warps": self.warps, "num_stages": self.stages}


TABLE: dict[str, dict[str, Tuning]] = {
    # Rows are query tokens, columns document tokens.
    "maxsim_forward": {
        "sm_80": Tuning(64, 64, 128, warps=4, stages=2),
        "sm_80 float32": Tuning(64, 32, 16, warps=8, stages=2),
        "sm_90": Tuning(128, 64, 128, warps=8, stages=3),
        "sm_90 float32": Tuning(64, 64, 32, warps=8, stages=2),
        "gfx942": Tuning(64, 64, 64, warps=4),
        "gfx942 float32": Tuning(64, 32, 32, warps=4),
        "interpreted": Tuning(32, 64, 32),
    },
    # Rows are query tokens, columns numbers of the embedding, summed over documents.
    "maxsim_query_gradient": {
        "sm_80": Tuning(16, 128, 2, warps=4, stages=4),
        "sm_80 float32": Tuning(16, 128, 2, warps=4, stages=3),
        "gfx942": Tuning(16, 128, 2, warps=4),
        "interpreted": Tuning(16, 32, 4),
    },
    # Rows are document tokens, columns numbers of the embedding, summed over query tokens.
    "maxsim_document_gradient": {
        "sm_80": Tuning(64, 128, 32, warps=4, stages=2),
        "sm_80 float32": Tuning(64, 128, 16, warps=8, stages=2),
        "sm_90": Tuning(64, 128, 64, warps=4, stages=2),
        "sm_90 float32": Tuning(64, 128, 16, warps=8, stages=2),
        "gfx942": Tuning(64, 64, 64, warps=4),
        "interpreted": Tuning(64, 32, 32),
    },
    # Rows are vectors, summed over their numbers.
    "inverse_lengths": {
        "sm_80": Tuning(16, 1, 128, warps=4),
        "interpreted": Tuning(256, 1, 256),
    },
    # Rows are rows of the sparse matrix, columns those of the dense one, summed over stored entries.
    "sparse_products": {
        "sm_80": Tuning(1, 128, 16, warps=4),
        "interpreted": Tuning(8, 32, 256),
    },
    # The same of a matrix in postings: rows are terms of the vocabulary, most of them with few entries.
    "sparse_products_of_postings": {
        "sm_80": Tuning(8, 64, 4, warps=4),
        "interpreted": Tuning(512, 256, 1),
    },
    # Rows are stored entries, columns rows of the other side that share theirs.
    "stored_gradient": {
        "sm_80": Tuning(16, 128, 1, warps=4),
        "interpreted": Tuning(1024, 128, 1),
    },
    # The same where the other side is in postings.
    "stored_gradient_of_postings": {
        "sm_80": Tuning(32, 16, 1, warps=4),
        "interpreted": Tuning(1024, 128, 1),
    },
    # Columns are terms of the vocabulary, or stored entries.
    "paired_products": {
        "sm_80": Tuning(1, 2048, 1, warps=8),
        "interpreted": Tuning(1, 2048, 1),
    },
    # Columns are stored entries.
    "merge_repeated": {
        "sm_80": Tuning(1, 256, 1, warps=4),
        "interpreted": Tuning(1, 4096, 1),
    },
    # Columns are terms of the vocabulary.
    "flops_of_columns": {
        "sm_80": Tuning(32, 64, 1, warps=4),
        "interpreted": Tuning(16, 1024, 1),
    },
    # Rows are terms of the vocabulary, columns stored entries.
    "flops_of_postings": {
        "sm_80": Tuning(32, 16, 1, warps=4),
        "interpreted": Tuning(1024, 16, 1),
    },
    # Columns are terms of the vocabulary.
    "flops_gradient": {
        "sm_80": Tuning(8, 256, 1, warps=4),
        "interpreted": Tuning(64, 4096, 1),
    },
    # Rows are terms, columns tokens, summed over the numbers of a state.
    "splade_head_maxima": {
        "sm_80": Tuning(128, 128, 32, warps=8, stages=3),
        "sm_80 float32": Tuning(64, 64, 32, warps=4, stages=3),
        "sm_90": Tuning(128, 256, 64, warps=8, stages=3),
        "sm_90 float32": Tuning(64, 128, 32, warps=4, stages=3),
        "gfx942": Tuning(128, 128, 32, warps=8),
        "gfx942 float32": Tuning(64, 64, 32, warps=4),
        "interpreted": Tuning(256, 256, 256),
    },
    # The same, with an activation for each logit.
    "splade_head_sums": {
        "sm_80": Tuning(64, 64, 32, warps=4, stages=3),
        "sm_90": Tuning(64, 128, 32, warps=4, stages=3),
        "gfx942": Tuning(64, 64, 32, warps=4),
        "interpreted": Tuning(256, 256, 256),
    },
    # Columns are terms of a row.
    "keep_largest": {
        "sm_80": Tuning(1, 4096, 1, warps=8),
        "gfx942": Tuning(1, 2048, 1, warps=8),
        "interpreted": Tuning(1, 32, 1),
    },
    "compress_rows": {
        "sm_80": Tuning(1, 2048, 1, warps=8),
        "interpreted": Tuning(1, 32, 1),
    },
    # Rows are terms, columns numbers of a state; nothing is summed by a dot product.
    "splade_head_weight_gradient": {
        "sm_80": Tuning(16, 256, 1, warps=4, stages=3),
        "gfx942": Tuning(16, 256, 1, warps=4),
        "interpreted": Tuning(256, 256, 1),
    },
    # Rows are lists, columns entries. On gfx942 one entry a thread: with more, the compiler does not end.
    "splade_head_lists": {
        "sm_80": Tuning(1, 1024, 1, warps=4),
        "gfx942": Tuning(1, 256, 1, warps=4),
        "interpreted": Tuning(1, 256, 1),
    },
    # Rows are tokens, columns numbers of a state, summed over entries.
    "splade_head_hidden_gradient": {
        "sm_80": Tuning(64, 128, 32, warps=4, stages=2),
        "sm_80 float32": Tuning(64, 64, 32, warps=4, stages=2),
        "sm_90": Tuning(64, 128, 32, warps=4, stages=2),
        "gfx942": Tuning(64, 64, 32, warps=4),
        "interpreted": Tuning(256, 256, 256),
    },
}

# Architectures without entries of their own, and whose entries they take.
LIKE = {"sm_86": "sm_80", "sm_89": "sm_86", "sm_90": "sm_80", "sm_100": "sm_90", "sm_120": "sm_89", "gfx942": "sm_80"}


def architecture() -> str:
    """The architecture of the current device: sm_90, gfx942; "interpreted" in Triton's interpreter."""
    if knobs.runtime.interpret:
        return "interpreted"
    target = driver.active.get_current_target()
    return f"sm_{target.arch}" if target.backend == "cuda" else str(target.arch)


def tuning(kernel: str, dtype: torch.dtype = torch.bfloat16) -> Tuning:
    """The block shapes of `kernel` for factors of `dtype` on the current device."""
    entries = TABLE[kernel]
    name = architecture()
    while name not in entries:
        name = LIKE.get(name, "gfx942" if name.startswith("gfx") else "sm_80")
    # Wider numbers take the registers and the memory of two.
    return entries.get(f"{name} float32", entries[name]) if dtype.itemsize >= 4 else entries[name]


def precision(dtype: torch.dtype) -> str:
    """How `tl.dot` multiplies `dtype`: never less exactly than float32 does."""
    return "tf32x3" if dtype == torch.float32 and architecture().startswith("sm_") else "ieee"
