"""The SPLADE head: vocabulary activations of a text (Formal et al. 2021, arXiv 2107.05720 and 2109.10086)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.ops import library, reference
from menura.ops.availability import has_kernels
from menura.ops.checks import (
    as_mask,
    as_offsets,
    check_choice,
    check_floating,
    check_offsets,
    check_rank,
    check_same_device,
    compute_dtype,
)
from menura.ops.differentiation import first_order

__all__ = ["splade_head"]

LAYOUTS = ("dense", "csr")


def splade_head(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    cu_seqlens: Tensor | None = None,
    pooling: str = "max",
    activation: str = "relu",
    top_k: int | None = None,
    layout: str = "dense",
) -> Tensor:
    """Vocabulary logits `z_lv = <h_l, w_v> + b_v`, activated and pooled over the tokens of each row.

    | pooling | activation | output |
    | --- | --- | --- |
    | ``"max"`` | ``"relu"`` | `max_l log1p(relu(z_lv))`, SPLADE v2 (arXiv 2109.10086) |
    | ``"max"`` | ``"log1p_relu"`` | `max_l log1p(log1p(relu(z_lv)))` (arXiv 2504.14839) |
    | ``"sum"`` | ``"relu"`` | `sum_l log1p(relu(z_lv))`, SPLADE v1 (arXiv 2107.05720) |
    | ``"sum"`` | ``"log1p_relu"`` | `sum_l log1p(log1p(relu(z_lv)))`: both logarithms of each token, then the sum |

    The `[B,L,V]` logits never exist, and the backward works in proportion to the active entries: an active entry costs
    one token with max pooling; with sum pooling the logits of all its tokens, which are computed once more.

    Args:
        hidden: the states that enter the vocabulary projection, any floating dtype and strides: `[B,L,H]`, or packed
            `[T,H]` with `cu_seqlens`.
        weight: `[V,H]`, the projection (often the tied embedding).
        bias: `[V]` or None.
        mask: `[B,L]`, or `[T]` when packed; tokens that take part. Holes are allowed. None: all.
        cu_seqlens: `[B+1]`, int32 or int64; row i is made of the packed tokens `cu_seqlens[i]` to `cu_seqlens[i+1]`. On
            a GPU the values are not looked at, which would wait for it: there they must be right.
        pooling, activation: as above.
        top_k: only the k largest entries of each row survive, and only they take a gradient. On a tie the lowest
            term wins; NaN is the largest value. None: all.
        layout: ``"dense"``, or ``"csr"``: a `torch.sparse_csr` tensor with int64 indices that stores the active
            entries, made on a CPU without a dense `[B,V]`. Gradients flow back through its `values()`, `to_dense()`,
            `@` and `torch.sparse.mm` with a dense matrix, elementwise products, `sum()`. Under `torch.compile` only
            dense.

    Returns:
        `[B,V]`, non-negative; float32 (float64 where an input is). Half precision factors are multiplied as they are
        and summed in float32; their gradients are rounded once, to their dtype. Under autocast the weight takes the
        precision of half precision states, as in a linear layer. A row without tokens is all zeros with zero
        gradient. On a tie the lowest token takes the whole gradient of a maximum. NaN propagates.

    Raises:
        TypeError: an input is no dense floating-point tensor, or `cu_seqlens` not of int32 or int64.
        ValueError: shapes, mask, `cu_seqlens`, `top_k`, devices or one of the choices do not fit.

    The backward is deterministic and cannot be differentiated again.
    """
    check_floating("splade_head", hidden=hidden, weight=weight, bias=bias)
    if cu_seqlens is None:
        check_rank("splade_head", hidden, "hidden", "[B,L,H], or [T,H] with cu_seqlens", 3)
    else:
        check_rank("splade_head", hidden, "hidden", "[T,H] with cu_seqlens", 2)
        cu_seqlens = as_offsets("splade_head", cu_seqlens, "cu_seqlens")
    check_rank("splade_head", weight, "weight", "[V,H]", 2)
    check_choice("splade_head", "pooling", pooling, library.POOLINGS)
    check_choice("splade_head", "activation", activation, library.ACTIVATIONS)
    check_choice("splade_head", "layout", layout, LAYOUTS)
    if top_k is not None and top_k < 1:
        raise ValueError(f"[splade_head] top_k must be at least 1; got {top_k}.")
    if hidden.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"[splade_head] hidden and weight must share the hidden size; got {hidden.shape[-1]} and "
            f"{weight.shape[-1]}."
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"[splade_head] bias must have shape {list(weight.shape[:1])}; got {list(bias.shape)}.")
    mask = as_mask("splade_head", mask, "mask", hidden.shape[:-1])
    check_same_device("splade_head", hidden=hidden, weight=weight, bias=bias, mask=mask, cu_seqlens=cu_seqlens)
    hidden, weight, bias = _operands(hidden, weight, bias)
    if not has_kernels(hidden):
        if cu_seqlens is not None:
            check_offsets("splade_head", cu_seqlens, "cu_seqlens", hidden.shape[0])
        return reference.splade_head(
            hidden,
            weight,
            bias,
            mask=mask,
            cu_seqlens=cu_seqlens,
            pooling=pooling,
            activation=activation,
            top_k=top_k,
            layout=layout,
        )
    inputs = hidden, weight, bias, mask, cu_seqlens, pooling, activation
    needs_grad = torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in (hidden, weight, bias)
    )
    if layout == "dense":
        output: Tensor = _Dense.apply(top_k, *inputs) if needs_grad else library.splade_head(*inputs, top_k, False)[0]
        return output
    crow, col, values = _Csr.apply(top_k, *inputs) if needs_grad else library.splade_head_csr(*inputs, top_k, False)[:3]
    return torch.sparse_csr_tensor(crow, col, values, (crow.shape[0] - 1, weight.shape[0]))


def _operands(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """As the kernels want them: the factors in one dtype, half precision as it is, the bias in that of the sums."""
    if hidden.dtype in (torch.bfloat16, torch.float16) and torch.is_autocast_enabled(hidden.device.type):
        weight = weight.to(hidden.dtype)
    dtype = compute_dtype(hidden.dtype, weight.dtype, *([] if bias is None else [bias.dtype]))
    if hidden.dtype != weight.dtype or dtype == torch.float64:
        hidden, weight = hidden.to(dtype), weight.to(dtype)
    return hidden, weight, None if bias is None else bias.to(dtype)


class _Dense(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, top_k: int | None, *inputs: Any) -> Tensor:
        output, argmax = library.splade_head(*inputs, top_k, True)
        _save(ctx, inputs, None, None, output, argmax)
        return output

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return _gradients(ctx, grad)


# autograd knows how gradients reach the values of a sparse tensor, but not what a Function that returned the sparse
# tensor itself would be handed: some operators give it a dense gradient.
class _Csr(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, top_k: int | None, *inputs: Any) -> tuple[Tensor, Tensor, Tensor]:
        crow, col, values, argmax = library.splade_head_csr(*inputs, top_k, True)
        ctx.mark_non_differentiable(crow, col)
        _save(ctx, inputs, crow, col, values, argmax)
        return crow, col, values

    @staticmethod
    def backward(ctx: Any, _crow: None, _col: None, grad: Tensor) -> tuple[Tensor | None, ...]:
        return _gradients(ctx, grad)


def _save(ctx: Any, inputs: tuple[Any, ...], *outputs: Tensor | None) -> None:
    *tensors, ctx.pooling, ctx.activation = inputs
    ctx.save_for_backward(*tensors, *outputs)


def _gradients(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    needed = ctx.needs_input_grad[1:4]
    hidden, weight, bias, mask, cu_seqlens, *outputs = ctx.saved_tensors
    inputs = hidden, weight, bias, mask, cu_seqlens, ctx.pooling, ctx.activation
    grads = first_order(
        "splade_head",
        lambda: library.splade_head_backward(*inputs, grad, *outputs, *needed),
        (grad, hidden, weight, bias),
        needed,
    )
    return None, *grads, None, None, None, None
