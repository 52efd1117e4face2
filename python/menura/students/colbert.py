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

from menura.errors import MenuraError
from menura.recipe import ColbertSettings
from menura.students.dimension import reduce_dimension
from menura.students.layers import keep_layers
from menura.weights import resolve_model

__all__ = ["build_colbert", "load_colbert"]


DIMENSION = 128


def build_colbert(settings: ColbertSettings, *, seed: int = 0) -> MultiVectorEncoder:
    """A `MultiVectorEncoder` from any encoder, or from an existing ColBERT.

    From an encoder: `layers` of it (None: all), a semi-orthogonal projection of every token to `dimension` (None: 128),
    drawn from `seed`, so that similarities survive it, and unit length. Documents leave out punctuation; neither side
    has a prompt or expansion tokens. From a ColBERT: `layers` of it, and its projection on fewer dimensions where
    `dimension` asks for that; everything else as it is.

    Raises:
        MenuraError: the model cannot be loaded, or has fewer layers or dimensions.
    """
    reference = settings.start
    if reference is None:
        raise MenuraError("[students] a student that starts from its mentor needs a trained one; train it first.")
    path = resolve_model(reference)
    existing = _is_colbert(path)
    try:
        model = MultiVectorEncoder(path) if existing else _from_encoder(Transformer(path), settings, seed)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MenuraError(f"[students] cannot load an encoder from {reference!r}: {reason}") from error
    if settings.layers is not None:
        keep_layers(model, settings.layers, reference)
    if existing and settings.dimension is not None:
        reduce_dimension(model, settings.dimension, reference)
    return model.float()


def load_colbert(reference: str) -> MultiVectorEncoder:
    """An existing ColBERT as it was saved, in the layout of sentence-transformers, PyLate or ColBERT.

    Raises:
        MenuraError: it cannot be loaded, or is something else.
    """
    path = resolve_model(reference)
    if not _is_colbert(path):
        raise MenuraError(f"[students] there is no ColBERT in {reference!r}; name one, or train it first.")
    return build_colbert(ColbertSettings(model=reference))


def _from_encoder(transformer: Transformer, settings: ColbertSettings, seed: int) -> MultiVectorEncoder:
    transformer.query_length = _at_most(settings.query_length, transformer)
    transformer.document_length = _at_most(settings.document_length, transformer)
    width, dimension = transformer.get_embedding_dimension(), settings.dimension or DIMENSION
    projection = Dense(
        width,
        dimension,
        bias=False,
        activation_function=nn.Identity(),
        module_input_name="token_embeddings",
        init_weight=_semi_orthogonal(dimension, width, seed),
    )
    mask = MultiVectorMask(skiplist_words=list(string.punctuation))
    return MultiVectorEncoder(
        modules=[transformer, projection, mask, Normalize(module_input_name="token_embeddings")],
        similarity_fn_name="maxsim",
    )


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


def _semi_orthogonal(rows: int, columns: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return nn.init.orthogonal_(torch.empty(rows, columns), generator=generator)
