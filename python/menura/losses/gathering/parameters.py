"""Parameters of the loss itself, which DDP does not see: it wraps the model alone."""

from __future__ import annotations

from collections.abc import Iterable

from torch import distributed, nn

from menura.losses.gathering.collectives import mean_over_processes

__all__ = ["keep_together"]


def keep_together(parameters: Iterable[nn.Parameter]) -> None:
    """Do what DDP does for the model: all processes start from the first one's values and average their gradients.

    Every process must use the same parameters in a step.
    """
    for parameter in parameters:
        distributed.broadcast(parameter.data, src=0)
        parameter.register_hook(mean_over_processes)
