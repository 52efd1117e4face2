"""The last step of a teacher, from a hidden state to its logit, in float32."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Float32Head", "keep_head_in_float32"]


class Float32Head(nn.Linear):
    """A linear layer, or some of its rows, that computes in float32 whatever autocast says.

    Logits rounded to bf16 have eight bits: between 8 and 16 they are 1/16 apart, and lists fill with ties.
    """

    def __init__(self, layer: nn.Linear, rows: Sequence[int] | None = None) -> None:
        chosen = slice(None) if rows is None else list(rows)
        weight = layer.weight.detach()[chosen].float()
        super().__init__(weight.shape[1], weight.shape[0], bias=layer.bias is not None, device=weight.device)
        self.weight.data = weight
        if layer.bias is not None:
            self.bias.data = layer.bias.detach()[chosen].float()

    def forward(self, input: Tensor) -> Tensor:
        """`[..., hidden]` -> `[..., rows]`, float32."""
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float())


def keep_head_in_float32(model: nn.Module) -> None:
    """Put a `Float32Head` in the place of the last linear layer with one output, where `model` has one."""
    single = [name for name, module in model.named_modules() if type(module) is nn.Linear and module.out_features == 1]
    if single:
        layer = model.get_submodule(single[-1])
        assert isinstance(layer, nn.Linear)
        model.set_submodule(single[-1], Float32Head(layer))
