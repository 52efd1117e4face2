"""Loading a cross-encoder, or saying in one line why not."""

from __future__ import annotations

from safetensors import SafetensorError
from sentence_transformers import CrossEncoder
from torch import nn

from menura.errors import MenuraError
from menura.weights import resolve_model

__all__ = ["load_cross_encoder"]


def load_cross_encoder(reference: str, *, max_length: int, num_labels: int | None = None) -> CrossEncoder:
    """Load from a folder, hub name or ``package:NAME``; a saved `CrossEncoder` or a bare transformers folder.

    Args:
        max_length: tokens of query and passage together.
        num_labels: outputs of the classification head, which is drawn at random where there is none; None: as saved.

    Raises:
        MenuraError: it cannot be loaded, or has fewer positions than `max_length`.
    """
    try:
        model: CrossEncoder = CrossEncoder(resolve_model(reference), max_length=max_length, num_labels=num_labels)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MenuraError(f"[teachers] cannot load the cross-encoder {reference!r}: {reason}") from error
    positions = _positions(model)
    if positions is not None and max_length > positions:
        raise MenuraError(
            f"[teachers] max_length {max_length} is more than the {positions} positions of {reference}; "
            f"set teacher.max_length to {positions} or less."
        )
    return model


def _positions(model: nn.Module) -> int | None:
    """Tokens that the table of learned positions is long enough for; None for relative or rotary positions."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa and its kin count from behind the padding index.
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    return None
