"""Collective operations that gradients flow through."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed

from menura.losses.gathering.processes import process_count

__all__ = ["mean_over_processes", "of_other_processes", "sum_over_processes"]


def sum_over_processes(tensor: Tensor) -> Tensor:
    """The elementwise sum of all processes' tensors of one shape, on each of them."""
    if process_count() == 1:
        return tensor
    total: Tensor = _Sum.apply(tensor)  # type: ignore[no-untyped-call]
    return total


def mean_over_processes(tensor: Tensor) -> Tensor:
    """The elementwise mean of all processes' tensors of one shape, on each of them."""
    return sum_over_processes(tensor) / process_count()


def of_other_processes(rows: Tensor) -> Tensor:
    """The rows of all other processes, in their order: `[n,...]`, n different on each of them -> `[m,...]`."""
    if process_count() == 1:
        return rows[:0]
    others: Tensor = _Others.apply(rows)  # type: ignore[no-untyped-call]
    return others


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return _summed(tensor)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return _summed(grad)


class _Others(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.rank, count = distributed.get_rank(), distributed.get_world_size()
        sizes = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(count)]
        distributed.all_gather(sizes, torch.tensor([len(rows)], device=rows.device))
        ctx.sizes = [int(size) for size in sizes]
        # Only tensors of one shape can be exchanged.
        padded = _padded(rows.detach(), max(ctx.sizes))
        gathered = [torch.empty_like(padded) for _ in range(count)]
        distributed.all_gather(gathered, padded)
        return torch.cat([gathered[rank][:size] for rank, size in enumerate(ctx.sizes) if rank != ctx.rank])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        sizes = [0 if rank == ctx.rank else size for rank, size in enumerate(ctx.sizes)]
        parts = [_padded(part, max(ctx.sizes)) for part in grad.split(sizes)]
        own = torch.empty_like(parts[0])
        distributed.reduce_scatter(own, parts)
        return own[: ctx.sizes[ctx.rank]]


def _summed(tensor: Tensor) -> Tensor:
    total = tensor.detach().clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total


def _padded(rows: Tensor, length: int) -> Tensor:
    return torch.cat([rows, rows.new_zeros(length - len(rows), *rows.shape[1:])])
