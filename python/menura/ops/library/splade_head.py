"""The SPLADE head as PyTorch knows it."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.library.calling import address, argmax_dtype, grad_like, indices, is_fp64, library, rows
from menura.ops.native import kernels

__all__ = ["ACTIVATIONS", "splade_head", "splade_head_backward"]

ACTIVATIONS = ("relu", "log1p_relu")

library.define(
    "splade_head(Tensor hidden, Tensor weight, Tensor? bias, Tensor? mask, str activation, bool save_argmax)"
    " -> (Tensor, Tensor)"
)
library.define(
    "splade_head_backward(Tensor grad, Tensor hidden, Tensor weight, Tensor output, Tensor argmax, str activation,"
    " bool need_hidden, bool need_weight, bool need_bias) -> (Tensor, Tensor, Tensor)"
)


def _head_outputs(hidden: Tensor, weight: Tensor, save_argmax: bool) -> tuple[Tensor, Tensor]:
    shape = (hidden.shape[0], weight.shape[0])
    return (
        hidden.new_empty(shape),
        hidden.new_empty(shape if save_argmax else (0,), dtype=argmax_dtype(hidden.shape[1])),
    )


def _head_grads(
    hidden: Tensor, weight: Tensor, need_hidden: bool, need_weight: bool, need_bias: bool
) -> tuple[Tensor, Tensor, Tensor]:
    bias = weight.new_empty(weight.shape[0] if need_bias else 0)
    return grad_like(hidden, need_hidden), grad_like(weight, need_weight), bias


def _head_sizes(hidden: Tensor, weight: Tensor, activation: str) -> tuple[int, int, int, int, int]:
    return (*hidden.shape, weight.shape[0], ACTIVATIONS.index(activation))


def _splade_head_cpu(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor | None, activation: str, save_argmax: bool
) -> tuple[Tensor, Tensor]:
    output, argmax = _head_outputs(hidden, weight, save_argmax)
    hidden, hidden_rows = rows(hidden)
    weight = weight.contiguous()
    bias = None if bias is None else bias.contiguous()
    kernels.splade_head_forward(
        is_fp64(hidden),
        _head_sizes(hidden, weight, activation),
        hidden_rows,
        address(weight),
        address(bias),
        address(mask),
        address(output),
        indices(argmax, save_argmax),
    )
    return output, argmax


def _splade_head_backward_cpu(
    grad: Tensor,
    hidden: Tensor,
    weight: Tensor,
    output: Tensor,
    argmax: Tensor,
    activation: str,
    need_hidden: bool,
    need_weight: bool,
    need_bias: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    grads = _head_grads(hidden, weight, need_hidden, need_weight, need_bias)
    grad, weight = grad.contiguous(), weight.contiguous()
    hidden, hidden_rows = rows(hidden)
    kernels.splade_head_backward(
        is_fp64(hidden),
        _head_sizes(hidden, weight, activation),
        hidden_rows,
        address(weight),
        address(grad),
        address(output),
        indices(argmax),
        *map(address, grads),
    )
    return grads


if kernels is not None:
    library.impl("splade_head", _splade_head_cpu, "CPU")
    library.impl("splade_head_backward", _splade_head_backward_cpu, "CPU")


@torch.library.register_fake("menura::splade_head")
def _splade_head_fake(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor | None, activation: str, save_argmax: bool
) -> tuple[Tensor, Tensor]:
    return _head_outputs(hidden, weight, save_argmax)


@torch.library.register_fake("menura::splade_head_backward")
def _splade_head_backward_fake(
    grad: Tensor,
    hidden: Tensor,
    weight: Tensor,
    output: Tensor,
    argmax: Tensor,
    activation: str,
    need_hidden: bool,
    need_weight: bool,
    need_bias: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    return _head_grads(hidden, weight, need_hidden, need_weight, need_bias)


# Bound once: resolving `torch.ops.menura.X.default` at every call costs microseconds.
splade_head = torch.ops.menura.splade_head.default
splade_head_backward = torch.ops.menura.splade_head_backward.default
