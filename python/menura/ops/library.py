"""The operators as PyTorch knows them: schemas, CPU kernels, and output shapes for tracing.

These raw operators carry no autograd and check little; the functions of this room's other files do both. Each
forward has a flag for what only its backward needs. A gradient that is not asked for comes back empty.
"""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.native import kernels

__all__ = [
    "ACTIVATIONS",
    "ESTIMATORS",
    "flops",
    "flops_backward",
    "maxsim",
    "maxsim_backward",
    "sparse_dot",
    "sparse_dot_backward",
    "splade_head",
    "splade_head_backward",
]

ACTIVATIONS = ("relu", "log1p_relu")
ESTIMATORS = ("mean", "unbiased")

_library = torch.library.Library("menura", "DEF")
_library.define(
    "maxsim(Tensor queries, Tensor documents, Tensor? query_mask, Tensor? document_mask, bool save_argmax)"
    " -> (Tensor, Tensor)"
)
_library.define(
    "maxsim_backward(Tensor grad, Tensor queries, Tensor documents, Tensor? query_mask, Tensor? document_mask,"
    " Tensor argmax, bool need_queries, bool need_documents) -> (Tensor, Tensor)"
)
_library.define(
    "splade_head(Tensor hidden, Tensor weight, Tensor? bias, Tensor? mask, str activation, bool save_argmax)"
    " -> (Tensor, Tensor)"
)
_library.define(
    "splade_head_backward(Tensor grad, Tensor hidden, Tensor weight, Tensor output, Tensor argmax, str activation,"
    " bool need_hidden, bool need_weight, bool need_bias) -> (Tensor, Tensor, Tensor)"
)
_library.define("sparse_dot(Tensor queries, Tensor documents, bool pairwise) -> Tensor")
_library.define(
    "sparse_dot_backward(Tensor grad, Tensor queries, Tensor documents, bool pairwise, bool need_queries,"
    " bool need_documents) -> (Tensor, Tensor)"
)
_library.define("flops(Tensor activations, str estimator) -> (Tensor, Tensor)")
_library.define("flops_backward(Tensor grad, Tensor activations, Tensor totals, str estimator) -> Tensor")


def _argmax_dtype(tokens: int) -> torch.dtype:
    """The narrowest type that holds every token index."""
    if tokens <= 256:
        return torch.uint8
    return torch.int16 if tokens <= 32768 else torch.int32


def _maxsim_columns(queries: Tensor, documents: Tensor) -> int:
    return documents.shape[0] if documents.dim() == 3 else documents.shape[1]


def _maxsim_outputs(queries: Tensor, documents: Tensor, save_argmax: bool) -> tuple[Tensor, Tensor]:
    shape = (queries.shape[0], _maxsim_columns(queries, documents))
    argmax_shape = (*shape, queries.shape[1]) if save_argmax else (0,)
    return queries.new_empty(shape), queries.new_empty(argmax_shape, dtype=_argmax_dtype(documents.shape[-2]))


def _head_outputs(hidden: Tensor, weight: Tensor, save_argmax: bool) -> tuple[Tensor, Tensor]:
    shape = (hidden.shape[0], weight.shape[0])
    return (
        hidden.new_empty(shape),
        hidden.new_empty(shape if save_argmax else (0,), dtype=_argmax_dtype(hidden.shape[1])),
    )


def _dot_shape(queries: Tensor, documents: Tensor, pairwise: bool) -> tuple[int, ...]:
    return (queries.shape[0],) if pairwise else (queries.shape[0], documents.shape[0])


def _head_grads(
    hidden: Tensor, weight: Tensor, need_hidden: bool, need_weight: bool, need_bias: bool
) -> tuple[Tensor, Tensor, Tensor]:
    bias = weight.new_empty(weight.shape[0] if need_bias else 0)
    return _grad_like(hidden, need_hidden), _grad_like(weight, need_weight), bias


def _grad_like(tensor: Tensor, needed: bool) -> Tensor:
    return tensor.new_empty(tensor.shape if needed else (0,))


def _rows(tensor: Tensor) -> tuple[Tensor, tuple[int, int, int]]:
    """The tensor, copied only if its last axis or its leading axes are not laid out in rows, and its rows."""
    if tensor.dim() == 4:
        tensor = tensor.flatten(0, 1)
    if tensor.shape[-1] != 1 and tensor.stride(-1) != 1:
        tensor = tensor.contiguous()
    return tensor, (tensor.data_ptr(), tensor.stride(0), tensor.stride(1))


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None or tensor.numel() == 0 else tensor.data_ptr()


def _indices(argmax: Tensor, wanted: bool = True) -> tuple[int, int]:
    return (argmax.data_ptr(), argmax.element_size()) if wanted else (0, 0)


def _is_fp64(tensor: Tensor) -> bool:
    return tensor.dtype == torch.float64


def _maxsim_sizes(queries: Tensor, documents: Tensor) -> tuple[int, int, int, int, int, bool]:
    return (
        queries.shape[0],
        _maxsim_columns(queries, documents),
        queries.shape[1],
        documents.shape[-2],
        queries.shape[2],
        documents.dim() == 3,
    )


def _maxsim_cpu(
    queries: Tensor, documents: Tensor, query_mask: Tensor | None, document_mask: Tensor | None, save_argmax: bool
) -> tuple[Tensor, Tensor]:
    scores, argmax = _maxsim_outputs(queries, documents, save_argmax)
    sizes = _maxsim_sizes(queries, documents)
    queries, query_rows = _rows(queries)
    documents, document_rows = _rows(documents)
    kernels.maxsim_forward(
        _is_fp64(queries),
        sizes,
        query_rows,
        document_rows,
        _address(query_mask),
        _address(document_mask),
        _address(scores),
        _indices(argmax, save_argmax),
    )
    return scores, argmax


def _maxsim_backward_cpu(
    grad: Tensor,
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    argmax: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    grads = _grad_like(queries, need_queries), _grad_like(documents, need_documents)
    sizes = _maxsim_sizes(queries, documents)
    grad = grad.contiguous()
    queries, query_rows = _rows(queries)
    documents, document_rows = _rows(documents)
    kernels.maxsim_backward(
        _is_fp64(queries),
        sizes,
        query_rows,
        document_rows,
        _address(query_mask),
        _address(document_mask),
        _address(grad),
        _indices(argmax),
        *map(_address, grads),
    )
    return grads


def _head_sizes(hidden: Tensor, weight: Tensor, activation: str) -> tuple[int, int, int, int, int]:
    return (*hidden.shape, weight.shape[0], ACTIVATIONS.index(activation))


def _splade_head_cpu(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor | None, activation: str, save_argmax: bool
) -> tuple[Tensor, Tensor]:
    output, argmax = _head_outputs(hidden, weight, save_argmax)
    hidden, hidden_rows = _rows(hidden)
    weight = weight.contiguous()
    bias = None if bias is None else bias.contiguous()
    kernels.splade_head_forward(
        _is_fp64(hidden),
        _head_sizes(hidden, weight, activation),
        hidden_rows,
        _address(weight),
        _address(bias),
        _address(mask),
        _address(output),
        _indices(argmax, save_argmax),
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
    hidden, hidden_rows = _rows(hidden)
    kernels.splade_head_backward(
        _is_fp64(hidden),
        _head_sizes(hidden, weight, activation),
        hidden_rows,
        _address(weight),
        _address(grad),
        _address(output),
        _indices(argmax),
        *map(_address, grads),
    )
    return grads


def _dot_sizes(queries: Tensor, documents: Tensor, pairwise: bool) -> tuple[int, int, int, bool]:
    return (queries.shape[0], documents.shape[0], queries.shape[1], pairwise)


def _sparse_dot_cpu(queries: Tensor, documents: Tensor, pairwise: bool) -> Tensor:
    queries, documents = queries.contiguous(), documents.contiguous()
    scores = queries.new_empty(_dot_shape(queries, documents, pairwise))
    kernels.sparse_dot_forward(
        _is_fp64(queries),
        _dot_sizes(queries, documents, pairwise),
        _address(queries),
        _address(documents),
        _address(scores),
    )
    return scores


def _sparse_dot_backward_cpu(
    grad: Tensor, queries: Tensor, documents: Tensor, pairwise: bool, need_queries: bool, need_documents: bool
) -> tuple[Tensor, Tensor]:
    grads = _grad_like(queries, need_queries), _grad_like(documents, need_documents)
    grad, queries, documents = grad.contiguous(), queries.contiguous(), documents.contiguous()
    kernels.sparse_dot_backward(
        _is_fp64(queries),
        _dot_sizes(queries, documents, pairwise),
        _address(queries),
        _address(documents),
        _address(grad),
        *map(_address, grads),
    )
    return grads


def _flops_sizes(activations: Tensor, estimator: str) -> tuple[int, int, int]:
    return (*activations.shape, ESTIMATORS.index(estimator))


def _flops_cpu(activations: Tensor, estimator: str) -> tuple[Tensor, Tensor]:
    value, totals = activations.new_empty(()), activations.new_empty(activations.shape[1])
    activations = activations.contiguous()
    kernels.flops_forward(
        _is_fp64(activations),
        _flops_sizes(activations, estimator),
        _address(activations),
        _address(value),
        _address(totals),
    )
    return value, totals


def _flops_backward_cpu(grad: Tensor, activations: Tensor, totals: Tensor, estimator: str) -> Tensor:
    grads = activations.new_empty(activations.shape)
    grad, activations = grad.contiguous(), activations.contiguous()
    kernels.flops_backward(
        _is_fp64(activations),
        _flops_sizes(activations, estimator),
        _address(activations),
        _address(grad),
        _address(totals),
        _address(grads),
    )
    return grads


if kernels is not None:
    for _name, _implementation in {
        "maxsim": _maxsim_cpu,
        "maxsim_backward": _maxsim_backward_cpu,
        "splade_head": _splade_head_cpu,
        "splade_head_backward": _splade_head_backward_cpu,
        "sparse_dot": _sparse_dot_cpu,
        "sparse_dot_backward": _sparse_dot_backward_cpu,
        "flops": _flops_cpu,
        "flops_backward": _flops_backward_cpu,
    }.items():
        _library.impl(_name, _implementation, "CPU")


@torch.library.register_fake("menura::maxsim")
def _maxsim_fake(
    queries: Tensor, documents: Tensor, query_mask: Tensor | None, document_mask: Tensor | None, save_argmax: bool
) -> tuple[Tensor, Tensor]:
    return _maxsim_outputs(queries, documents, save_argmax)


@torch.library.register_fake("menura::maxsim_backward")
def _maxsim_backward_fake(
    grad: Tensor,
    queries: Tensor,
    documents: Tensor,
    query_mask: Tensor | None,
    document_mask: Tensor | None,
    argmax: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    return _grad_like(queries, need_queries), _grad_like(documents, need_documents)


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


@torch.library.register_fake("menura::sparse_dot")
def _sparse_dot_fake(queries: Tensor, documents: Tensor, pairwise: bool) -> Tensor:
    return queries.new_empty(_dot_shape(queries, documents, pairwise))


@torch.library.register_fake("menura::sparse_dot_backward")
def _sparse_dot_backward_fake(
    grad: Tensor, queries: Tensor, documents: Tensor, pairwise: bool, need_queries: bool, need_documents: bool
) -> tuple[Tensor, Tensor]:
    return _grad_like(queries, need_queries), _grad_like(documents, need_documents)


@torch.library.register_fake("menura::flops")
def _flops_fake(activations: Tensor, estimator: str) -> tuple[Tensor, Tensor]:
    return activations.new_empty(()), activations.new_empty(activations.shape[1])


@torch.library.register_fake("menura::flops_backward")
def _flops_backward_fake(grad: Tensor, activations: Tensor, totals: Tensor, estimator: str) -> Tensor:
    return activations.new_empty(activations.shape)


# Bound once: resolving `torch.ops.menura.maxsim.default` at every call costs microseconds.
maxsim = torch.ops.menura.maxsim.default
maxsim_backward = torch.ops.menura.maxsim_backward.default
splade_head = torch.ops.menura.splade_head.default
splade_head_backward = torch.ops.menura.splade_head_backward.default
sparse_dot = torch.ops.menura.sparse_dot.default
sparse_dot_backward = torch.ops.menura.sparse_dot_backward.default
flops = torch.ops.menura.flops.default
flops_backward = torch.ops.menura.flops_backward.default
