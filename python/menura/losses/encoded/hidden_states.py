"""What the layers of a transformer make of a batch, kept while it passes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from menura.layers import layer_stack, whole_batches
from menura.losses.encoded.padding import stack_padded

__all__ = ["HiddenStates", "record_layers"]


class HiddenStates:
    """The states behind chosen layers, counted from 1; layer 0 are the embeddings that enter the first."""

    def __init__(self) -> None:
        self._calls: dict[int, list[Tensor]] = {}

    def add(self, layer: int, states: Tensor) -> None:
        """Those of the next forward pass `[R,L,H]`: of the queries first, then of the passages, column by column."""
        self._calls.setdefault(layer, []).append(states)

    def queries(self, layer: int) -> Tensor:
        """`[B,Lq,H]`."""
        return self._calls[layer][0]

    def documents(self, layer: int) -> Tensor:
        """`[B,N,L,H]`, whether the passages went through the model together or column by column."""
        queries, *passages = self._calls[layer]
        return stack_padded([column for states in passages for column in states.split(len(queries))])


@contextmanager
def record_layers(model: nn.Module, layers: Collection[int]) -> Iterator[HiddenStates]:
    """The states of `layers` in every forward pass of `model` that begins and ends within.

    Raises:
        ValueError: the model has no such layer.
    """
    found = HiddenStates()
    with ExitStack() as hooks:
        stack = layer_stack(model) if layers else nn.ModuleList()
        if layers:
            hooks.enter_context(whole_batches())
        for layer in sorted(set(layers)):
            if not 0 <= layer <= len(stack):
                raise ValueError(
                    f"[hidden_states] the model has layers 1 to {len(stack)}, and 0 for its embeddings; got {layer}."
                )
            if layer == 0:
                handle = stack[0].register_forward_pre_hook(partial(_keep_input, found), with_kwargs=True)
            else:
                handle = stack[layer - 1].register_forward_hook(partial(_keep_output, found, layer))
            hooks.callback(handle.remove)
        yield found


def _keep_input(found: HiddenStates, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    found.add(0, args[0] if args else kwargs["hidden_states"])


def _keep_output(found: HiddenStates, layer: int, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
    found.add(layer, output[0] if isinstance(output, tuple) else output)
