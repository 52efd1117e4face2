"""A smaller student out of a larger one: some of its layers."""

from __future__ import annotations

import torch
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from torch import nn

from menura.errors import MenuraError
from menura.layers import layer_stack
from menura.recipe import LayersSettings

__all__ = ["keep_layers"]


def keep_layers(model: MultiVectorEncoder | SparseEncoder, layers: LayersSettings, name: str) -> None:
    """Drop all other layers of `model`, in place.

    Raises:
        MenuraError: `name` has fewer, or the layers that are left would be read as others once they are saved: some
            architectures build their first layer in another way.
    """
    encoder = model.transformers_model
    if encoder is None:
        raise MenuraError(f"[students] {name} is no transformer, so it has no layers to keep.")
    try:
        stack = layer_stack(encoder)
        numbers = layers.of(len(stack))
    except ValueError as error:
        raise MenuraError(f"[students] {name}: {error}.") from error
    kept = [stack[number - 1] for number in numbers]
    del stack[:]
    stack.extend(kept)
    config = encoder.config
    if getattr(config, "layer_types", None) is not None:
        config.layer_types = [config.layer_types[number - 1] for number in numbers]
    config.num_hidden_layers = len(numbers)
    with torch.device("meta"):
        built = type(encoder)(config)
    if _shapes(built) != _shapes(encoder):
        raise MenuraError(
            f"[students] {name}: layers {', '.join(map(str, numbers))} alone are no {type(encoder).__name__}, whose "
            "layers are not all alike; keep the first ones."
        )


def _shapes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in model.state_dict().items()}
