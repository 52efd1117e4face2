"""A student as the masked language model that it began as, or could have begun as."""

from __future__ import annotations

from typing import cast

from sentence_transformers import MultiVectorEncoder, SparseEncoder
from sentence_transformers.util import load_file_path
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedModel

from menura.errors import MenuraError
from menura.weights import resolve_model

__all__ = ["masked_language_model"]


def masked_language_model(model: MultiVectorEncoder | SparseEncoder, reference: str) -> PreTrainedModel:
    """A masked LM whose encoder is that of `model`: what trains the one trains the other.

    A SPLADE's is its own. Another encoder gets the head of the checkpoint that it came from, `reference`, or, where
    that has none, a new one: drawn at random, with the input embeddings for its projection to the vocabulary.

    Raises:
        MenuraError: transformers knows no masked LM of this kind of encoder.
    """
    encoder = cast("PreTrainedModel", model[0].model)
    if encoder.get_output_embeddings() is not None:
        return encoder
    try:
        if _has_head(path := resolve_model(reference)):
            whole = AutoModelForMaskedLM.from_pretrained(path)
        else:
            whole = AutoModelForMaskedLM.from_config(encoder.config)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise MenuraError(f"[students] {reference} cannot predict masked words: {reason}") from error
    setattr(whole, whole.base_model_prefix, encoder)
    whole.tie_weights()
    return cast("PreTrainedModel", whole.float())


def _has_head(path: str) -> bool:
    if load_file_path(path, "config.json") is None:
        return False
    architectures = AutoConfig.from_pretrained(path).architectures or []
    return any(architecture.endswith("ForMaskedLM") for architecture in architectures)
