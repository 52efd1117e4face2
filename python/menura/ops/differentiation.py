"""What the operators' backward passes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor

__all__ = ["first_order"]


def first_order(
    operator: str, backward: Callable[[], Sequence[Tensor]], inputs: Sequence[Tensor | None], needed: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """The gradients that `backward` returns, None where not `needed`, which raise if differentiated again.

    `inputs` are the tensors that the gradients depend on. Left alone, a second derivative would be silently zero.
    """
    with torch.no_grad():
        grads = tuple(backward())
    if torch.is_grad_enabled():
        tensors = [tensor for tensor in inputs if tensor is not None]
        grads = _FirstOrder.apply(operator, len(grads), *grads, *tensors)
    return tuple(grad if need else None for grad, need in zip(grads, needed, strict=True))


class _FirstOrder(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, operator: str, count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.operator = operator
        return tuple(tensor.view_as(tensor) for tensor in tensors[:count])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> NoReturn:
        raise RuntimeError(f"[{ctx.operator}] the backward cannot be differentiated again (no double backward).")
