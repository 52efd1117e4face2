"""The SPLADE head on a GPU: where its inputs and outputs lie, and the launches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from menura.kernels.launching import block, launch
from menura.kernels.splade_head_backward import (
    splade_head_hidden_gradient,
    splade_head_lists,
    splade_head_weight_gradient,
)
from menura.kernels.splade_head_forward import splade_head_forward
from menura.kernels.tuning import precision, tuning
from menura.ops.library.gpu.splade_head_epilogue import compressed, keep_top
from menura.ops.library.gpu.splade_head_sums import sum_pooling_backward
from menura.ops.library.gpu.texts import Texts, packed, padded
from menura.ops.library.memory import grad_like
from menura.ops.library.splade_head import ACTIVATIONS, bias_grad, outputs

__all__ = ["splade_head", "splade_head_backward", "splade_head_csr"]


@dataclass(frozen=True)
class Entries:
    """What reached the entries of the output and what they were: `[B,V]`, or `[nnz]` with crow and col."""

    grad: Tensor
    output: Tensor
    argmax: Tensor
    crow: Tensor | None
    col: Tensor | None

    def by_term(self, vocabulary: int) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Stored entries sorted by term: their order, where those of each term begin `[V+1]`, and all entries' rows."""
        if self.crow is None or self.col is None:
            return None, None, None
        ordered, order = self.col.sort(stable=True)
        starts = torch.searchsorted(ordered, torch.arange(vocabulary + 1, device=ordered.device))
        rows = torch.arange(self.crow.shape[0] - 1, device=ordered.device)
        return order, starts, rows.repeat_interleave(self.crow.diff(), output_size=self.col.shape[0])


def _texts(hidden: Tensor, mask: Tensor | None, cu_seqlens: Tensor | None) -> Texts:
    return padded(hidden, mask) if cu_seqlens is None else packed(hidden, cu_seqlens, mask)


def _logarithms(activation: str) -> int:
    return 1 + ACTIVATIONS.index(activation)


def splade_head(
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
    output, argmax = outputs(hidden, weight, cu_seqlens, pooling, save_argmax)
    texts, (vocabulary, dim) = _texts(hidden, mask, cu_seqlens), weight.shape
    sizes = tuning("splade_head_sums" if pooling == "sum" else "splade_head_maxima", hidden.dtype)
    tokens = block(texts.typical_tokens, 16, sizes.columns)
    together = block(texts.count, 1, sizes.columns // tokens)
    terms = block(vocabulary, 16, sizes.rows)
    launch(
        splade_head_forward,
        (-(-vocabulary // terms) * -(-texts.count // together),),
        hidden.device,
        texts.rows,
        *texts.strides,
        texts.tokens,
        texts.offsets,
        texts.lengths(),
        mask,
        weight.contiguous(),
        None if bias is None else bias.contiguous(),
        output,
        argmax if save_argmax and pooling == "max" else None,
        texts.count,
        vocabulary,
        MAXIMUM=pooling == "max",
        LOGARITHMS=_logarithms(activation),
        DIM=dim,
        TERMS=terms,
        TEXTS=together,
        TOKENS=tokens,
        DEPTH=block(dim, 16, sizes.depth),
        PRECISION=precision(hidden.dtype),
        **sizes.options,
    )
    if top_k is not None:
        keep_top(output, top_k)
    return output, argmax


def splade_head_csr(
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
    output, argmax = splade_head(hidden, weight, bias, mask, cu_seqlens, pooling, activation, top_k, save_argmax)
    crow, col, values, winners = compressed(output, argmax if argmax.dim() == 2 else None)
    return crow, col, values, argmax if winners is None else winners


def splade_head_backward(
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
    grads = grad_like(hidden, need_hidden), grad_like(weight, need_weight), bias_grad(weight, need_bias)
    if pooling == "sum":
        sum_pooling_backward(hidden, weight, bias, mask, cu_seqlens, activation, grad, crow, col, output, *grads)
        return grads
    grad_hidden, grad_weight, grad_bias = grads
    texts, entries = _texts(hidden, mask, cu_seqlens), Entries(grad.contiguous(), output, argmax, crow, col)
    if need_weight or need_bias:
        _weight_gradient(
            entries,
            texts,
            grad_weight if need_weight else None,
            grad_bias if need_bias else None,
            weight.shape,
            _logarithms(activation),
        )
    if grad_hidden.numel():
        _hidden_gradient(entries, texts, weight.contiguous(), grad_hidden, _logarithms(activation))
    return grads


def _weight_gradient(
    entries: Entries,
    texts: Texts,
    grad_weight: Tensor | None,
    grad_bias: Tensor | None,
    shape: torch.Size,
    logarithms: int,
) -> None:
    vocabulary, dim = shape
    sizes = tuning("splade_head_weight_gradient")
    terms, depth = block(vocabulary, 16, sizes.rows), block(dim, 16, sizes.columns)
    launch(
        splade_head_weight_gradient,
        (-(-vocabulary // terms), 1 if grad_weight is None else max(-(-dim // depth), 1)),
        entries.grad.device,
        entries.grad,
        entries.output,
        entries.argmax,
        *entries.by_term(vocabulary),
        texts.rows,
        *texts.strides,
        texts.offsets,
        grad_weight,
        grad_bias,
        texts.count,
        vocabulary,
        LOGARITHMS=logarithms,
        DIM=dim,
        TERMS=terms,
        DEPTH=depth,
        **sizes.options,
    )


def _hidden_gradient(entries: Entries, texts: Texts, weight: Tensor, grad_hidden: Tensor, logarithms: int) -> None:
    vocabulary, dim = weight.shape
    sizes, list_sizes = tuning("splade_head_hidden_gradient", weight.dtype), tuning("splade_head_lists")
    tokens, depth = block(texts.typical_tokens, 16, sizes.rows), block(dim, 16, sizes.columns)
    count = max(-(-texts.typical_tokens // tokens), 1)
    lists = entries.output.new_empty(entries.output.shape, dtype=torch.int32)
    starts = entries.output.new_empty((texts.count, count + 1), dtype=torch.int32)
    launch(
        splade_head_lists,
        (texts.count, count),
        weight.device,
        entries.output,
        entries.argmax,
        entries.crow,
        lists,
        starts,
        vocabulary,
        TOKENS=tokens,
        ENTRIES=block(vocabulary, 16, list_sizes.columns),
        **list_sizes.options,
    )
    launch(
        splade_head_hidden_gradient,
        (texts.count, count, -(-dim // depth)),
        weight.device,
        entries.grad,
        entries.output,
        entries.argmax,
        entries.crow,
        entries.col,
        lists,
        starts,
        weight,
        grad_hidden,
        texts.tokens,
        texts.offsets,
        vocabulary,
        LOGARITHMS=logarithms,
        DIM=dim,
        TOKENS=tokens,
        DEPTH=depth,
        ENTRIES=sizes.depth,
        PRECISION=precision(torch.float32),
        **sizes.options,
    )
