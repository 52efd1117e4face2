"""Distil a cross-encoder teacher into ColBERT and SPLADE students, on fused kernels."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from menura.errors import MenuraError
from menura.ops import (
    empty_cache,
    flops,
    maxsim,
    maxsim_packed,
    maxsim_pairs,
    quantize,
    search,
    sparse_dot,
    splade_head,
)

if TYPE_CHECKING:
    from menura.students import accelerate, restore

try:
    __version__ = version("menura")
except PackageNotFoundError:
    __version__ = "0+source"

__all__ = [
    "MenuraError",
    "accelerate",
    "empty_cache",
    "flops",
    "maxsim",
    "maxsim_packed",
    "maxsim_pairs",
    "quantize",
    "restore",
    "search",
    "sparse_dot",
    "splade_head",
]


def __getattr__(name: str) -> Any:
    # The students need sentence-transformers; the operators must import without it.
    if name in {"accelerate", "restore"}:
        try:
            from menura import students
        except ModuleNotFoundError as missing:
            hint = f"[{name}] {missing.name} is not installed; run: pip install 'menura[train]'"
            raise ModuleNotFoundError(hint, name=missing.name) from None
        return getattr(students, name)
    raise AttributeError(f"module 'menura' has no attribute {name!r}")
