"""Further ways to do the work, for GPUs: our operators on packed texts, plain PyTorch, and PyTorch compiled.

The other forms are those of `menura bench`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

import menura
from menura.bench.provider import Provider
from menura.bench.ragged import offsets_of
from menura.bench.step import Step

# Vocabulary rows per tile.
TILE = 1024
COMPILED = "torch.compile"
# Multiplies, and does nothing else of the task.
BOUND = "bare matmul"


def packed(padded: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """`[N,L,d]` and the mask of its tokens -> a leaf `[T,d]`, and offsets `[N+1]` int32."""
    leaf = padded.detach()[mask].requires_grad_(padded.requires_grad)
    return leaf, offsets_of(mask.sum(1)).int()


def padding_again(gradient: int, mask: Tensor) -> Callable[[list[Tensor]], list[Tensor]]:
    """Brings the packed gradient at this place of a step's results back to `[N,L,d]`."""

    def restore(results: list[Tensor]) -> list[Tensor]:
        if len(results) == 1:
            return results
        rows = results[gradient]
        padded = rows.new_zeros(*mask.shape, rows.shape[-1])
        padded[mask] = rows
        return [*results[:gradient], padded, *results[gradient + 1 :]]

    return restore


def leaves(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Those that require a gradient."""
    return tuple(tensor for tensor in tensors if tensor.requires_grad)


def _ours_ragged(queries: Tensor, documents: Tensor, mask: Tensor) -> Step:
    return Step(lambda: menura.maxsim(queries, documents, document_mask=mask), leaves(queries, documents))


def _ours_ragged_packed(queries: Tensor, documents: Tensor, mask: Tensor) -> Step:
    rows, offsets = packed(documents, mask)
    every = queries.new_ones(queries.shape[:2], dtype=torch.bool)
    query_rows, query_offsets = packed(queries, every)

    def restore(results: list[Tensor]) -> list[Tensor]:
        return padding_again(1, every)(padding_again(2, mask)(results))

    return Step(
        lambda: menura.maxsim_packed(query_rows, rows, query_offsets, offsets), leaves(query_rows, rows), restore
    )


def _ours_head(hidden: Tensor, weight: Tensor, bias: Tensor, mask: Tensor) -> Step:
    return Step(lambda: menura.splade_head(hidden, weight, bias, mask=mask), leaves(hidden, weight, bias))


def _ours_head_packed(hidden: Tensor, weight: Tensor, bias: Tensor, mask: Tensor) -> Step:
    rows, offsets = packed(hidden, mask)
    return Step(
        lambda: menura.splade_head(rows, weight, bias, cu_seqlens=offsets),
        leaves(rows, weight, bias),
        padding_again(1, mask),
    )


def _normalized_before(queries: Tensor, documents: Tensor) -> Tensor:
    return menura.maxsim(F.normalize(queries, dim=-1), F.normalize(documents, dim=-1))


def _maxsim(product: str, queries: Tensor, documents: Tensor, mask: Tensor | None = None) -> Tensor:
    similarities = torch.einsum(product, queries, documents)
    if mask is not None:
        similarities.masked_fill_(~mask[None, :, None], -torch.inf)
    return similarities.max(-1).values.float().sum(-1)


def _max_first(hidden: Tensor, weight: Tensor, bias: Tensor, mask: Tensor | None = None) -> Tensor:
    """Maximum and activation commute, so `log1p` sees `[B,V]`."""
    logits = F.linear(hidden, weight, bias)
    if mask is not None:
        logits.masked_fill_(~mask[..., None], -torch.inf)
    return logits.max(1).values.relu().log1p()


def _tiled(hidden: Tensor, weight: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
    tiles = zip(weight.split(TILE), bias.split(TILE), strict=True)
    return torch.cat([_max_first(hidden, rows, offsets, mask) for rows, offsets in tiles], dim=1)


def _bound_to(function: Callable[..., Tensor], compiled: bool = False) -> Callable[..., Step]:
    """Inputs are bound as they are; only those with a gradient are leaves."""

    def bind(*inputs: Tensor) -> Step:
        run = torch.compile(function, dynamic=False) if compiled else function
        return Step(lambda: run(*inputs), leaves(*inputs))

    return bind


def _bare_matmul(hidden: Tensor, weight: Tensor, bias: Tensor) -> Step:
    return Step(lambda: hidden.flatten(0, 1) @ weight.T)


IN_BATCH, CANDIDATES = partial(_maxsim, "qsh,dth->qdst"), partial(_maxsim, "qsh,qkth->qkst")

PROVIDERS = [
    Provider("menura", "maxsim_ragged", _ours_ragged, "menura"),
    Provider("menura, packed", "maxsim_ragged", _ours_ragged_packed, "menura"),
    Provider("menura", "maxsim_normalized", _bound_to(partial(menura.maxsim, normalize=True)), "menura"),
    Provider("menura, after torch's normalize", "maxsim_normalized", _bound_to(_normalized_before), "menura"),
    Provider("menura", "splade_head_padded", _ours_head, "menura"),
    Provider("menura, packed", "splade_head_padded", _ours_head_packed, "menura"),
    Provider("torch, einsum and max", "maxsim_ragged", _bound_to(IN_BATCH), "torch"),
    Provider("torch, max first", "splade_head_padded", _bound_to(_max_first), "torch"),
    Provider("torch, vocabulary tiles", "splade_head_padded", _bound_to(_tiled), "torch"),
    Provider(BOUND, "splade_head", _bare_matmul, "torch"),
    Provider(COMPILED, "maxsim_batch", _bound_to(IN_BATCH, compiled=True), "torch"),
    Provider(COMPILED, "maxsim_kd", _bound_to(CANDIDATES, compiled=True), "torch"),
    Provider(COMPILED, "splade_head", _bound_to(_max_first, compiled=True), "torch"),
    Provider(COMPILED, "splade_head_padded", _bound_to(_max_first, compiled=True), "torch"),
]
