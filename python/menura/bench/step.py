"""What is checked, timed and weighed: one forward of a provider, and one backward where something is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Step"]

Restore = Callable[[list[Tensor]], list[Tensor]]


class Step:
    """A provider bound to its inputs.

    Args:
        forward: computes the output from the inputs it was bound to.
        leaves: the inputs whose gradients are computed as well; none: no backward.
        restore: brings output and gradients into the form of the workload's own inputs, to be checked; not timed.
            None: they have it.
    """

    def __init__(
        self, forward: Callable[[], Tensor], leaves: tuple[Tensor, ...] = (), restore: Restore | None = None
    ) -> None:
        self.forward = forward
        self.leaves = leaves
        self.restore = restore
        self._weights: Tensor | None = None

    @classmethod
    def of(cls, function: Callable[..., Tensor], *inputs: Tensor, **options: Any) -> Step:
        """The step that calls `function` on `inputs` as they are, with gradients for those that require them."""
        return cls(lambda: function(*inputs, **options), tuple(tensor for tensor in inputs if tensor.requires_grad))

    def __call__(self) -> list[Tensor]:
        """The output, and the gradients of its weighted sum by the leaves."""
        output = self.forward()
        if not self.leaves:
            return [output]
        if self._weights is None:
            # Uneven, so that no error of one entry makes up for that of another.
            uneven = torch.linspace(0.5, 1.5, output.numel(), dtype=output.dtype, device=output.device)
            self._weights = uneven.view_as(output)
        return [output.detach(), *torch.autograd.grad(output, self.leaves, self._weights)]

    def checked(self) -> list[Tensor]:
        """The same, as the truth has it."""
        results = self()
        return self.restore(results) if self.restore else results
