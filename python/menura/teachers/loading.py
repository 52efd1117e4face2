"""Loading a cross-encoder, or saying in one line why not."""

from __future__ import annotations

from safetensors import SafetensorError
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Transformer
from torch import nn

from menura.errors import MenuraError
from menura.recipe import Head
from menura.teachers.token_matching import add_token_matching, load_token_matching
from menura.weights import resolve_model

__all__ = ["load_cross_encoder"]


def load_cross_encoder(
    reference: str, *, max_length: int, head: Head | None = None, device: str | None = None
) -> CrossEncoder:
    """Load from a folder, hub name or ``package:NAME``; a saved `CrossEncoder` or a bare transformers folder.

    Args:
        max_length: tokens of query and passage together.
        head: for a checkpoint to train: the head, with one label, to draw where it has none; ``token_matching`` takes
            the place of a classification head, never the other way round. None: as saved.
        device: None: torch's default.

    Raises:
        MenuraError: it cannot be loaded, cannot carry the head, or has fewer positions than `max_length`.
    """
    try:
        path = resolve_model(reference)
        model: CrossEncoder | None = load_token_matching(path, device)
        if model is None and head == "token_matching":
            model = add_token_matching(Transformer(path), device)
        elif model is None:
            model = CrossEncoder(path, num_labels=None if head is None else 1, device=device)
        model.max_seq_length = max_length
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
