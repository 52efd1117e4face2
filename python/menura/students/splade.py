"""Building a SPLADE student from a masked language model."""

from __future__ import annotations

from typing import Any

from safetensors import SafetensorError
from sentence_transformers import SparseEncoder
from sentence_transformers.util import load_file_path
from transformers import AutoConfig, AutoModelForMaskedLM

from menura.errors import MenuraError
from menura.recipe import SpladeSettings
from menura.students.layers import keep_layers
from menura.weights import resolve_model

__all__ = ["build_splade", "load_splade", "vocabulary_size"]


def build_splade(settings: SpladeSettings) -> SparseEncoder:
    """A `SparseEncoder` from a masked LM (max pooling, `log1p(relu)`), or from an existing SPLADE; `layers` of it.

    Raises:
        MenuraError: the model cannot be loaded, has fewer layers, or has no trained masked-LM head.
    """
    reference = settings.start
    if reference is None:
        raise MenuraError("[students] a student that starts from its mentor needs a trained one; train it first.")
    model = load_splade(reference)
    if settings.layers is not None:
        keep_layers(model, settings.layers, reference)
    model.max_seq_length = min(settings.max_length, model.max_seq_length or settings.max_length)
    return model


def load_splade(reference: str) -> SparseEncoder:
    """A SPLADE as it was saved, or a masked LM as one.

    Raises:
        MenuraError: the model cannot be loaded, or has no trained masked-LM head.
    """
    path = resolve_model(reference)
    try:
        if load_file_path(path, "modules.json") is None:
            _check_head(path, reference)
        model = SparseEncoder(path)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MenuraError(f"[students] cannot load a masked LM from {reference!r}: {reason}") from error
    return model.float()


def vocabulary_size(model: SparseEncoder) -> int:
    """The number of terms."""
    backbone: Any = model[0].model
    return int(backbone.get_output_embeddings().weight.shape[0])


def _check_head(path: str, name: str) -> None:
    architectures = AutoConfig.from_pretrained(path).architectures or []
    if not any(architecture.endswith("ForMaskedLM") for architecture in architectures):
        raise MenuraError(f"[students] {name} is no masked LM but {', '.join(architectures) or 'unknown'}.")
    _, loading = AutoModelForMaskedLM.from_pretrained(path, output_loading_info=True)
    if loading["missing_keys"]:
        missing = ", ".join(sorted(loading["missing_keys"]))
        raise MenuraError(f"[students] {name} has no trained masked-LM head; these weights are missing: {missing}.")
