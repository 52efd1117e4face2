"""The SPLADE head as PyTorch knows it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from menura.ops.checks import check_offsets, compute_dtype
from menura.ops.library.calling import address, argmax_dtype, as_rows, dtype_code, implement, indices, is_fp64, library
from menura.ops.library.memory import grad_like, grad_memory
from menura.ops.native import kernels

__all__ = [
    "ACTIVATIONS",
    "POOLINGS",
    "bias_grad",
    "outputs",
    "splade_head",
    "splade_head_backward",
    "splade_head_csr",
]

POOLINGS = ("max", "sum")
ACTIVATIONS = ("relu", "log1p_relu")

_INPUTS = "Tensor hidden, Tensor weight, Tensor? bias, Tensor? mask, Tensor? cu_seqlens, str pooling, str activation, "
library.define(f"splade_head({_INPUTS} int? top_k, bool save_argmax) -> (Tensor, Tensor)")
# crow, col, values and argmax of the active entries
library.define(f"splade_head_csr({_INPUTS} int? top_k, bool save_argmax) -> (Tensor, Tensor, Tensor, Tensor)")
# With crow and col, grad, output and argmax hold an element for each stored entry.
library.define(
    f"splade_head_backward({_INPUTS} Tensor grad, Tensor? crow, Tensor? col, Tensor output, Tensor argmax,"
    " bool need_hidden, bool need_weight, bool need_bias) -> (Tensor, Tensor, Tensor)"
)


def _batch(hidden: Tensor, cu_seqlens: Tensor | None) -> int:
    return hidden.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1


def _new_argmax(hidden: Tensor, shape: tuple[int | torch.SymInt, ...], pooling: str, save_argmax: bool) -> Tensor:
    wanted = save_argmax and pooling == "max"
    return hidden.new_empty(shape if wanted else (0,), dtype=argmax_dtype(hidden.shape[-2]))


def outputs(
    hidden: Tensor, weight: Tensor, cu_seqlens: Tensor | None, pooling: str, save_argmax: bool
) -> tuple[Tensor, Tensor]:
    shape = (_batch(hidden, cu_seqlens), weight.shape[0])
    return hidden.new_empty(shape, dtype=compute_dtype(hidden.dtype)), _new_argmax(hidden, shape, pooling, save_argmax)


def bias_grad(weight: Tensor, needed: bool) -> Tensor:
    return weight.new_empty(weight.shape[0] if needed else 0, dtype=compute_dtype(weight.dtype))


class _Arguments:
    """What every kernel of the head takes first; owns the copies that it made."""

    def __init__(
        self,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        mask: Tensor | None,
        cu_seqlens: Tensor | None,
        pooling: str,
        activation: str,
    ) -> None:
        if cu_seqlens is not None:
            check_offsets("splade_head", cu_seqlens, "cu_seqlens", hidden.shape[0])
        tokens, dim = hidden.shape[-2:]
        self.hidden = as_rows(hidden if cu_seqlens is None else hidden[None])
        self.cu_seqlens = None if cu_seqlens is None else cu_seqlens.long().contiguous()
        self.weight = weight.contiguous()
        self.bias = None if bias is None else bias.contiguous()
        self.sizes = (
            _batch(hidden, cu_seqlens),
            tokens,
            dim,
            weight.shape[0],
            POOLINGS.index(pooling),
            ACTIVATIONS.index(activation),
        )
        self.inputs = (
            dtype_code(self.hidden),
            self.hidden.data_ptr(),
            self.hidden.stride(0),
            self.hidden.stride(1),
            address(mask),
            address(self.cu_seqlens),
            address(self.weight),
            address(self.bias),
        )


def _splade_head_cpu(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    cu_seqlens: Tensor | None,
    pooling: str,
    activation: str,
    top_k: int | None,
    save_argmax: bool,
) -> tuple[Tensor, Tensor]:
    arguments = _Arguments(hidden, weight, bias, mask, cu_seqlens, pooling, activation)
    output, argmax = outputs(hidden, weight, cu_seqlens, pooling, save_argmax)
    kernels.splade_head_forward(
        is_fp64(hidden),
        arguments.sizes,
        arguments.inputs,
        weight.shape[0] if top_k is None else top_k,
        address(output),
        indices(argmax, argmax.numel() > 0),
    )
    return output, argmax


def _splade_head_csr_cpu(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    cu_seqlens: Tensor | None,
    pooling: str,
    activation: str,
    top_k: int | None,
    save_argmax: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    arguments = _Arguments(hidden, weight, bias, mask, cu_seqlens, pooling, activation)
    crow = hidden.new_empty(_batch(hidden, cu_seqlens) + 1, dtype=torch.int64)
    entries: list[Tensor] = []

    def allocate(nnz: int) -> tuple[Any, ...]:
        entries.append(hidden.new_empty(nnz, dtype=torch.int64))
        entries.append(hidden.new_empty(nnz, dtype=compute_dtype(hidden.dtype)))
        entries.append(_new_argmax(hidden, (nnz,), pooling, save_argmax))
        col, values, argmax = entries
        return address(col), address(values), indices(argmax, argmax.numel() > 0)

    kernels.splade_head_forward_csr(
        is_fp64(hidden),
        arguments.sizes,
        arguments.inputs,
        weight.shape[0] if top_k is None else top_k,
        address(crow),
        allocate,
    )
    col, values, argmax = entries
    return crow, col, values, argmax


def _splade_head_backward_cpu(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    cu_seqlens: Tensor | None,
    pooling: str,
    activation: str,
    grad: Tensor,
    crow: Tensor | None,
    col: Tensor | None,
    output: Tensor,
    argmax: Tensor,
    need_hidden: bool,
    need_weight: bool,
    need_bias: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    arguments = _Arguments(hidden, weight, bias, mask, cu_seqlens, pooling, activation)
    grads = (
        grad_memory(hidden, need_hidden),
        grad_memory(weight, need_weight),
        bias_grad(weight, need_bias),
    )
    grad = grad.contiguous()
    kernels.splade_head_backward(
        is_fp64(hidden),
        arguments.sizes,
        arguments.inputs,
        address(crow),
        address(col),
        address(grad),
        address(output),
        indices(argmax, argmax.numel() > 0),
        *map(address, grads),
    )
    return grads


implement("splade_head", cpu=_splade_head_cpu)
implement("splade_head_csr", cpu=_splade_head_csr_cpu)
implement("splade_head_backward", cpu=_splade_head_backward_cpu)


@torch.library.register_fake("menura::splade_head")
def _splade_head_fake(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    cu_seqlens: Tensor | None,
    pooling: str,
    activation: str,
    top_k: int | None,
    save_argmax: bool,
) -> tuple[Tensor, Tensor]:
    return outputs(hidden, weight, cu_seqlens, pooling, save_argmax)


@torch.library.register_fake("menura::splade_head_csr")
def _splade_head_csr_fake(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    cu_seqlens: Tensor | None,
    pooling: str,
    activation: str,
    top_k: int | None,
    save_argmax: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    nnz = torch.library.get_ctx().new_dynamic_size()
    return (
        hidden.new_empty(_batch(hidden, cu_seqlens) + 1, dtype=torch.int64),
        hidden.new_empty(nnz, dtype=torch.int64),
        hidden.new_empty(nnz, dtype=compute_dtype(hidden.dtype)),
        _new_argmax(hidden, (nnz,), pooling, save_argmax),
    )


@torch.library.register_fake("menura::splade_head_backward")
def _splade_head_backward_fake(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    cu_seqlens: Tensor | None,
    pooling: str,
    activation: str,
    grad: Tensor,
    crow: Tensor | None,
    col: Tensor | None,
    output: Tensor,
    argmax: Tensor,
    need_hidden: bool,
    need_weight: bool,
    need_bias: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    return grad_like(hidden, need_hidden), grad_like(weight, need_weight), bias_grad(weight, need_bias)


# Bound once: resolving `torch.ops.menura.X.default` at every call costs microseconds.
splade_head = torch.ops.menura.splade_head.default
splade_head_csr = torch.ops.menura.splade_head_csr.default
splade_head_backward = torch.ops.menura.splade_head_backward.default
