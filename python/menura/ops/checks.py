"""Checks that several operators share. Messages name the operator and the values."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "as_mask",
    "as_offsets",
    "as_pairs",
    "as_scales",
    "check_choice",
    "check_embeddings",
    "check_floating",
    "check_offsets",
    "check_pairs",
    "check_rank",
    "check_same_device",
    "compute_dtype",
    "distinct",
    "to_compute_dtype",
]


def check_floating(operator: str, **tensors: Tensor | None) -> None:
    """Every tensor must be a dense floating-point tensor; None is passed over."""
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        _check_tensor(operator, name, tensor)
        if not tensor.dtype.is_floating_point:
            raise TypeError(f"[{operator}] {name} must be floating point; got {tensor.dtype}.")


def check_embeddings(operator: str, queries: Tensor, documents: Tensor) -> None:
    """Both must be dense, floating-point or int8, of one embedding dim."""
    for name, tensor in (("queries", queries), ("documents", documents)):
        if tensor.dtype != torch.int8:
            check_floating(operator, **{name: tensor})
    if queries.shape[-1] != documents.shape[-1]:
        raise ValueError(
            f"[{operator}] queries and documents must share the embedding dim; "
            f"got {queries.shape[-1]} and {documents.shape[-1]}."
        )


def check_rank(operator: str, tensor: Tensor, name: str, shape: str, *ranks: int) -> None:
    """`tensor` must be a dense tensor with one of `ranks` dimensions, written out in `shape`."""
    _check_tensor(operator, name, tensor)
    if tensor.dim() not in ranks:
        raise ValueError(f"[{operator}] {name} must be {shape}; got shape {list(tensor.shape)}.")


def check_same_device(operator: str, **tensors: Tensor | None) -> None:
    """All tensors must be on one device; None is passed over."""
    devices = {name: tensor.device for name, tensor in tensors.items() if tensor is not None}
    if len(set(devices.values())) > 1:
        found = ", ".join(f"{name} on {device}" for name, device in devices.items())
        raise ValueError(f"[{operator}] all tensors must be on one device; got {found}.")


def check_choice(operator: str, name: str, value: str, choices: tuple[str, ...]) -> None:
    """`value` must be one of `choices`."""
    if value not in choices:
        raise ValueError(f"[{operator}] {name} must be one of {', '.join(choices)}; got {value!r}.")


def as_mask(operator: str, mask: Tensor | None, name: str, shape: torch.Size) -> Tensor | None:
    """A contiguous boolean mask of exactly `shape`; any non-zero entry counts as True."""
    if mask is None:
        return None
    _check_tensor(operator, name, mask)
    _check_shape(operator, name, mask, shape)
    return mask.bool().contiguous()


def as_scales(operator: str, scales: Tensor | None, name: str, embeddings: Tensor) -> Tensor | None:
    """Contiguous float32 scales, one a token, where `embeddings` are int8; else none may be given."""
    if embeddings.dtype != torch.int8:
        if scales is not None:
            raise ValueError(f"[{operator}] {name} go with int8 embeddings; got {embeddings.dtype}.")
        return None
    if scales is None:
        raise ValueError(f"[{operator}] int8 embeddings need {name}; see menura.quantize.")
    check_floating(operator, **{name: scales})
    _check_shape(operator, name, scales, embeddings.shape[:-1])
    return scales.detach().float().contiguous()


def as_offsets(operator: str, offsets: Tensor, name: str) -> Tensor:
    """Contiguous int64 offsets `[N+1]`; their values are checked by `check_offsets`."""
    _check_integers(operator, name, offsets)
    if offsets.dim() != 1 or offsets.shape[0] == 0:
        raise ValueError(f"[{operator}] {name} must be [N+1]; got shape {list(offsets.shape)}.")
    return offsets.long().contiguous()


def check_offsets(operator: str, offsets: Tensor, name: str, tokens: int) -> None:
    """Text i holds the tokens `offsets[i]` up to `offsets[i + 1]`. Reads the values, which tracing cannot."""
    first, last = int(offsets[0]), int(offsets[-1])
    if first != 0 or last != tokens:
        raise ValueError(f"[{operator}] {name} must go from 0 to {tokens}; got {first} to {last}.")
    falls = (offsets[1:] < offsets[:-1]).nonzero()
    if falls.numel():
        at = int(falls[0])
        raise ValueError(
            f"[{operator}] {name} must not fall; entry {at} is {int(offsets[at])}, the next {int(offsets[at + 1])}."
        )


def as_pairs(operator: str, pairs: Tensor | None) -> Tensor | None:
    """Contiguous int64 pairs `[P,2]`; their values are checked by `check_pairs`."""
    if pairs is None:
        return None
    _check_integers(operator, "pairs", pairs)
    if pairs.dim() != 2 or pairs.shape[1] != 2:
        raise ValueError(f"[{operator}] pairs must be [P,2]; got shape {list(pairs.shape)}.")
    return pairs.long().contiguous()


def check_pairs(operator: str, pairs: Tensor, queries: int, documents: int) -> None:
    """Every pair names a query and a document that there are. Reads the values, which tracing cannot."""
    outside = ((pairs < 0) | (pairs >= pairs.new_tensor([queries, documents]))).any(1).nonzero()
    if outside.numel():
        at = int(outside[0])
        raise ValueError(
            f"[{operator}] pairs must name one of {queries} queries and {documents} documents; "
            f"pair {at} is {pairs[at].tolist()}."
        )


def compute_dtype(*dtypes: torch.dtype) -> torch.dtype:
    """float64 where one of them is; else float32, half precision included."""
    return torch.float64 if torch.float64 in dtypes else torch.float32


def to_compute_dtype(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All tensors in the `compute_dtype` that they share."""
    dtype = compute_dtype(*(tensor.dtype for tensor in tensors))
    return tuple(tensor.to(dtype) for tensor in tensors)


def distinct(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensor objects, also where one was passed twice: torch.compile traces no Function that takes one twice."""
    return first, second.view_as(second) if second is first else second


def _check_tensor(operator: str, name: str, tensor: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"[{operator}] {name} must be a torch.Tensor; got {type(tensor).__name__}.")
    if tensor.layout != torch.strided:
        raise TypeError(f"[{operator}] {name} must be dense; got layout {tensor.layout}.")


def _check_shape(operator: str, name: str, tensor: Tensor, shape: torch.Size) -> None:
    if tensor.shape != shape:
        raise ValueError(f"[{operator}] {name} must have shape {list(shape)}; got {list(tensor.shape)}.")


def _check_integers(operator: str, name: str, tensor: Tensor) -> None:
    _check_tensor(operator, name, tensor)
    if tensor.dtype not in (torch.int32, torch.int64):
        raise TypeError(f"[{operator}] {name} must be int32 or int64; got {tensor.dtype}.")
