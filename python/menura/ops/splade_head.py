"""The SPLADE head: vocabulary activations of a text (Formal et al. 2021, arXiv 2109.10086)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.ops import library, reference
from menura.ops.checks import (
    as_mask,
    check_choice,
    check_floating,
    check_rank,
    check_same_device,
    to_compute_dtype,
)
from menura.ops.differentiation import first_order
from menura.ops.native import has_kernels

__all__ = ["splade_head"]


def splade_head(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    activation: str = "relu",
) -> Tensor:
    """Vocabulary logits, max-pooled over tokens: `log1p(relu(max_l <h_l, w_v> + b_v))`.

    The `[B,L,V]` logits never exist, and the backward works in proportion to the active terms.

    Args:
        hidden: `[B,L,H]`, the states that enter the vocabulary projection; any floating dtype and strides.
        weight: `[V,H]`, the projection (often the tied embedding).
        bias: `[V]` or None.
        mask: `[B,L]`; tokens that take part in the maximum. Holes are allowed. None: all.
        activation: ``"relu"``, as above; ``"log1p_relu"`` takes `log1p` once more (arXiv 2504.14839).

    Returns:
        `[B,V]`, non-negative; float32 (float64 where an input is), computed in that precision also from half
        precision inputs. A row without tokens is all zeros with zero gradient. On a tie the lowest token takes the
        whole gradient. NaN propagates.

    Raises:
        TypeError: an input is no dense floating-point tensor.
        ValueError: shapes, mask, activation or devices do not fit.

    The backward is deterministic and cannot be differentiated again.
    """
    check_floating("splade_head", hidden=hidden, weight=weight, bias=bias)
    check_rank("splade_head", hidden, "hidden", "[B,L,H]", 3)
    check_rank("splade_head", weight, "weight", "[V,H]", 2)
    check_choice("splade_head", "activation", activation, library.ACTIVATIONS)
    if hidden.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"[splade_head] hidden and weight must share the hidden size; got {hidden.shape[-1]} and "
            f"{weight.shape[-1]}."
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"[splade_head] bias must have shape {list(weight.shape[:1])}; got {list(bias.shape)}.")
    mask = as_mask("splade_head", mask, "mask", hidden.shape[:-1])
    check_same_device("splade_head", hidden=hidden, weight=weight, bias=bias, mask=mask)
    if bias is None:
        hidden, weight = to_compute_dtype(hidden, weight)
    else:
        hidden, weight, bias = to_compute_dtype(hidden, weight, bias)
    if not has_kernels(hidden.device):
        return reference.splade_head(hidden, weight, bias, mask=mask, activation=activation)
    needs_grad = hidden.requires_grad or weight.requires_grad or (bias is not None and bias.requires_grad)
    if torch.is_grad_enabled() and needs_grad:
        output: Tensor = _SpladeHead.apply(hidden, weight, bias, mask, activation)
        return output
    return library.splade_head(hidden, weight, bias, mask, activation, False)[0]


class _SpladeHead(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor | None, activation: str
    ) -> Tensor:
        output, argmax = library.splade_head(hidden, weight, bias, mask, activation, True)
        ctx.save_for_backward(hidden, weight, output, argmax)
        ctx.activation = activation
        return output

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        needed, saved, activation = ctx.needs_input_grad[:3], ctx.saved_tensors, ctx.activation
        return (
            *first_order(
                "splade_head",
                lambda: library.splade_head_backward(grad, *saved, activation, *needed),
                (grad, *saved[:2]),
                needed,
            ),
            None,
            None,
        )
