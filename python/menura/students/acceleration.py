"""Our operators under a sentence-transformers model, in place: same class, same files, same calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from sentence_transformers import MultiVectorEncoder, SparseEncoder
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sparse_encoder.modules import SpladePooling
from sentence_transformers.util.similarity import SimilarityFunction
from torch import Tensor, nn

from menura.errors import MenuraError
from menura.ops import splade_head
from menura.students import similarity
from menura.students.length_groups import forward_by_length

__all__ = ["accelerate", "restore"]

Model = TypeVar("Model", MultiVectorEncoder, SparseEncoder)
Features = dict[str, Any]

# Settings by which some backbones change their logits after the vocabulary projection.
LOGIT_CHANGES = ("final_logit_softcapping", "logit_scale", "logits_scaling")


def accelerate(model: Model) -> Model:
    """Put Menura's operators under `model` and return it.

    A `SparseEncoder` pools its vocabulary logits without forming them (`menura.splade_head`). A `MultiVectorEncoder`
    scores with `menura.maxsim`; losses of sentence-transformers take the functions of `menura.students.similarity`
    as their `similarity_fct`. On a CPU a batch goes through the transformer in groups of texts of like length, each
    padded to its own longest, so hooks on layers see several calls. Doing it twice does nothing; `restore` undoes it.

    Raises:
        MenuraError: the model is neither of the two, or its head is not one that the operator computes: a projection
            that is not linear, logits that are scaled or capped afterwards.
    """
    if isinstance(model, MultiVectorEncoder):
        _accelerate_colbert(model)
    elif isinstance(model, SparseEncoder):
        _accelerate_splade(model)
    else:
        raise MenuraError(f"[accelerate] takes a MultiVectorEncoder or a SparseEncoder; got {type(model).__name__}.")
    return model


def restore(model: Model) -> Model:
    """Undo `accelerate` and return `model`."""
    if isinstance(model, MultiVectorEncoder):
        model.similarity_fn_name = model.similarity_fn_name
    for module in model:
        vars(module).pop("forward", None)
    return model


def _accelerate_colbert(model: MultiVectorEncoder) -> None:
    mean = model.similarity_fn_name == SimilarityFunction.MEAN_MAXSIM.value
    model._similarity = partial(similarity.maxsim, length_normalize=mean)
    model._similarity_pairwise = partial(similarity.maxsim_pairwise, length_normalize=mean)
    transformer = model[0]
    if isinstance(transformer, Transformer):
        # An attribute of the instance; partials, unlike bound methods, survive pickling and copying.
        vars(transformer)["forward"] = partial(forward_by_length, transformer)


def _accelerate_splade(model: SparseEncoder) -> None:
    transformer, pooling, *others = [*model, None, None]
    if not isinstance(transformer, Transformer) or not isinstance(pooling, SpladePooling) or any(others):
        names = ", ".join(type(module).__name__ for module in model)
        raise MenuraError(f"[accelerate] a SparseEncoder must be a Transformer and SpladePooling; got {names}.")
    decoder = _decoder(transformer.model)
    vars(transformer)["forward"] = partial(_encode, transformer, decoder)
    vars(pooling)["forward"] = partial(_pool, pooling, decoder)


def _decoder(backbone: Any) -> nn.Linear:
    decoder = backbone.get_output_embeddings()
    if not isinstance(decoder, nn.Linear):
        raise MenuraError(f"[accelerate] the vocabulary projection must be linear; got {type(decoder).__name__}.")
    for name in LOGIT_CHANGES:
        if getattr(backbone.config, name, None) not in (None, 1, 1.0):
            raise MenuraError(
                f"[accelerate] {type(backbone).__name__} changes its logits after the projection "
                f"({name}={getattr(backbone.config, name)}), which the SPLADE head does not compute."
            )
    return decoder


def _encode(transformer: Transformer, decoder: nn.Linear, features: Features, **kwargs: Any) -> Features:
    """The transformer's forward up to the states that enter the vocabulary projection."""
    with _standing_aside(decoder):
        return forward_by_length(transformer, features, **kwargs)


def _pool(pooling: SpladePooling, decoder: nn.Linear, features: Features) -> Features:
    if "cu_seq_lens_q" in features:
        states, mask, cu_seqlens = features["token_embeddings"][0], None, features["cu_seq_lens_q"]
    else:
        states, mask, cu_seqlens = features["token_embeddings"], features["attention_mask"], None
    pooled = splade_head(
        states,
        decoder.weight,
        decoder.bias,
        mask=mask,
        cu_seqlens=cu_seqlens,
        pooling=pooling.pooling_strategy,
        activation=pooling.activation_function,
    )
    if pooling.embedding_dimension is None:
        pooling.embedding_dimension = pooled.shape[1]
    features["sentence_embedding"] = pooled
    return features


@contextmanager
def _standing_aside(decoder: nn.Linear) -> Iterator[None]:
    vars(decoder)["forward"] = _pass_through
    try:
        yield
    finally:
        del vars(decoder)["forward"]


def _pass_through(hidden: Tensor) -> Tensor:
    return hidden
