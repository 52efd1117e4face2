"""Building a ColBERT student: an encoder, a projection per token, and nothing else."""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch
from safetensors import SafetensorError
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.base.modules.dense import Dense
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from sentence_transformers.util import load_file_path
from torch import nn
from transformers import PreTrainedModel

from menura.errors import MenuraError
from menura.recipe import ColbertSettings
from menura.weights import resolve_model

__all__ = ["build_colbert"]


def build_colbert(settings: ColbertSettings, *, seed: int = 0) -> MultiVectorEncoder:
    """A `MultiVectorEncoder` from any encoder, or from an existing ColBERT as it is.

    From an encoder: its first `layers` (None: all), a semi-orthogonal projection of every token to `dimension`, drawn
    from `seed`, so that similarities survive it, and unit length. Documents leave out punctuation; neither side has a
    prompt or expansion tokens.

    Raises:
        MenuraError: the model cannot be loaded or has fewer layers.
    """
    path = resolve_model(settings.model)
    try:
        if _is_colbert(path):
            return MultiVectorEncoder(path).float()
        transformer = Transformer(path)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MenuraError(f"[students] cannot load an encoder from {settings.model!r}: {reason}") from error
    transformer.query_length = _at_most(settings.query_length, transformer)
    transformer.document_length = _at_most(settings.document_length, transformer)
    if settings.layers is not None:
        _keep_layers(transformer.model, settings.layers, settings.model)
    width = transformer.get_embedding_dimension()
    projection = Dense(
        width,
        settings.dimension,
        bias=False,
        activation_function=nn.Identity(),
        module_input_name="token_embeddings",
        init_weight=_semi_orthogonal(settings.dimension, width, seed),
    )
    mask = MultiVectorMask(skiplist_words=list(string.punctuation))
    model = MultiVectorEncoder(
        modules=[transformer, projection, mask, Normalize(module_input_name="token_embeddings")],
        similarity_fn_name="maxsim",
    )
    return model.float()


def _is_colbert(path: str) -> bool:
    for name, key, values in (
        ("config_sentence_transformers.json", "model_type", {"MultiVectorEncoder", "ColBERT"}),
        ("config.json", "architectures", {"HF_ColBERT"}),
    ):
        if (file := load_file_path(path, name)) is not None:
            found = json.loads(Path(file).read_text(encoding="utf-8")).get(key) or []
            if values.intersection([found] if isinstance(found, str) else found):
                return True
    return False


def _at_most(length: int, transformer: Transformer) -> int:
    """`length`, or all the positions that the encoder has."""
    positions = (transformer.max_seq_length, getattr(transformer.config, "max_position_embeddings", None))
    limit: int = min([length, *filter(None, positions)])
    return limit


def _keep_layers(encoder: PreTrainedModel, layers: int, name: str) -> None:
    total = encoder.config.num_hidden_layers
    stacks = [module for module in encoder.modules() if isinstance(module, nn.ModuleList) and len(module) == total]
    if not stacks or layers > total:
        raise MenuraError(f"[students] {name} has {total} layers; cannot keep the first {layers}.")
    del stacks[0][layers:]
    encoder.config.num_hidden_layers = layers


def _semi_orthogonal(rows: int, columns: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return nn.init.orthogonal_(torch.empty(rows, columns), generator=generator)
