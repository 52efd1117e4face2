"""The layers of a transformer, counted from 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import nn

__all__ = ["batches_stay_whole", "evenly", "layer_stack", "whole_batches"]

_whole: ContextVar[bool] = ContextVar("whole_batches", default=False)


@contextmanager
def whole_batches() -> Iterator[None]:
    """Within, an accelerated student sends a batch through its layers in one piece, for hooks that look at them."""
    before = _whole.set(True)
    try:
        yield
    finally:
        _whole.reset(before)


def batches_stay_whole() -> bool:
    """Whether this is within `whole_batches`."""
    return _whole.get()


def evenly(count: int, total: int) -> list[int]:
    """`count` of `total` layers at even distances, the last one among them: 3 of 6 are 2, 4 and 6."""
    return [number * total // count for number in range(1, count + 1)]


def layer_stack(model: nn.Module) -> nn.ModuleList:
    """Where the layers of the transformer in `model` are held.

    Raises:
        ValueError: `model` holds no transformer, or its layers are not in one list.
    """
    for module in model.modules():
        total = getattr(getattr(module, "config", None), "num_hidden_layers", None)
        if total is None:
            continue
        for stack in module.modules():
            if isinstance(stack, nn.ModuleList) and len(stack) == total:
                return stack
    raise ValueError(f"[layers] {type(model).__name__} holds no list of transformer layers.")
