"""A workload: inputs, the truth about them, and how much arithmetic they ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from menura.bench.step import Step

__all__ = ["Task", "Workload"]

Task = Literal[
    "maxsim_score",
    "maxsim_int8",
    "maxsim_kd",
    "maxsim_batch",
    "maxsim_ragged",
    "maxsim_normalized",
    "splade_head",
    "splade_head_padded",
    "sparse_dot",
    "sparse_dot_csr",
    "flops",
]


@dataclass(frozen=True)
class Workload:
    """One task at one size and in one precision.

    Args:
        name: tells task and sizes; shared by the precisions.
        task: what the providers sign up for. Their inputs are those of the constructor in `menura.bench.workloads`.
        title: the sizes in words.
        dtype: of the floating-point inputs.
        make: draws the inputs in float32, on the generator's device.
        reference: the operator of `menura.ops.reference` on these inputs.
        flop: multiplications and additions of the forward's inner products; the backward's, which follow single
            maxima, are few and not counted. None where memory, not arithmetic, bounds the task.
        trained: whether every floating-point input gets a gradient.
        entries_only: whether gradients are compared at non-zero inputs alone.
        timed: False where only peak memory is of interest.
        quantized: whether the arithmetic is that of int8; the inputs hold such numbers and their scales.
    """

    name: str
    task: Task
    title: str
    dtype: torch.dtype
    make: Callable[[torch.Generator], tuple[Tensor, ...]]
    reference: Callable[..., Tensor]
    flop: float | None
    trained: bool = True
    entries_only: bool = False
    timed: bool = True
    quantized: bool = False

    @property
    def arithmetic(self) -> torch.dtype:
        """Whose peak bounds the speed."""
        return torch.int8 if self.quantized else self.dtype

    @property
    def precision(self) -> str:
        """As the CSV calls the arithmetic."""
        return str(self.arithmetic).removeprefix("torch.")

    def inputs(self, device: str = "cpu", seed: int = 0) -> tuple[Tensor, ...]:
        """The same at every call with the same device and seed."""
        drawn = self.make(torch.Generator(device).manual_seed(seed))
        return tuple(self._leaf(tensor, self.dtype) if tensor.is_floating_point() else tensor for tensor in drawn)

    def truth(self, device: str = "cpu") -> list[Tensor]:
        """Output and gradients in float64, from the inputs as they are after rounding to `dtype`."""
        exact = (self._leaf(x, torch.float64) if x.is_floating_point() else x for x in self.inputs(device))
        return Step.of(self.reference, *exact)()

    def _leaf(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        return tensor.detach().to(dtype).requires_grad_(self.trained)
