"""The backward of a SPLADE head that sums over tokens: every active logit takes a gradient, so matrices multiply."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.checks import compute_dtype
from menura.ops.library.calling import as_rows

__all__ = ["sum_pooling_backward"]

# Logits of so many tokens times terms exist together.
LOGITS = 1 << 24


def sum_pooling_backward(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    cu_seqlens: Tensor | None,
    activation: str,
    grad: Tensor,
    crow: Tensor | None,
    col: Tensor | None,
    output: Tensor,
    grad_hidden: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
) -> None:
    """Write the gradients that have elements; the logits are computed once more, some terms at a time."""
    vocabulary, dim = weight.shape
    dtype = compute_dtype(hidden.dtype)
    states = as_rows(hidden).reshape(-1, dim)
    text = _text_of_each_token(hidden, cu_seqlens)
    if mask is not None:
        # Zeroed before the product, so that no NaN in a masked token reaches a gradient as 0 * NaN.
        states = torch.where(mask.reshape(-1, 1), states, 0)
    states = states.to(dtype)
    grad = torch.where(output <= 0, 0, grad)
    if crow is not None and col is not None:
        row = torch.arange(crow.shape[0] - 1, device=col.device)
        row = row.repeat_interleave(crow.diff(), output_size=col.shape[0])
        grad = grad.new_zeros(crow.shape[0] - 1, vocabulary).index_put((row, col), grad)
    states_sum = torch.zeros_like(states) if grad_hidden.numel() else None
    terms = max(LOGITS // max(states.shape[0], 1), 16)
    for first in range(0, vocabulary, terms):
        chunk = slice(first, first + terms)
        weights = weight[chunk].to(dtype)
        logits = states @ weights.T
        if bias is not None:
            logits += bias[chunk]
        logit_grad = _slope(logits, activation) * grad[:, chunk][text]
        if mask is not None:
            logit_grad.masked_fill_(~mask.reshape(-1, 1), 0)
        if states_sum is not None:
            states_sum.addmm_(logit_grad, weights)
        if grad_weight.numel():
            grad_weight[chunk] = logit_grad.T @ states
        if grad_bias.numel():
            grad_bias[chunk] = logit_grad.sum(0)
    if states_sum is not None:
        grad_hidden.copy_(states_sum.view(grad_hidden.shape))


def _text_of_each_token(hidden: Tensor, cu_seqlens: Tensor | None) -> Tensor:
    """`[T]`: which text each token, padded or packed, is of."""
    if cu_seqlens is None:
        return torch.arange(hidden.shape[0], device=hidden.device).repeat_interleave(hidden.shape[1])
    texts = torch.arange(cu_seqlens.shape[0] - 1, device=hidden.device)
    return texts.repeat_interleave(cu_seqlens.diff(), output_size=hidden.shape[0])


def _slope(logits: Tensor, activation: str) -> Tensor:
    """The activation's derivative; zero where a logit is not positive."""
    slope = 1 / (1 + logits)
    if activation == "log1p_relu":
        slope /= 1 + logits.log1p()
    return torch.where(logits <= 0, 0, slope)
