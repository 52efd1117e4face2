"""An existing ColBERT with shorter token embeddings."""

from __future__ import annotations

import torch
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules.dense import Dense
from torch import nn

from menura.errors import MenuraError

__all__ = ["reduce_dimension"]


@torch.no_grad()
def reduce_dimension(model: MultiVectorEncoder, dimension: int, name: str) -> None:
    """Give the projection of `model` only `dimension` outputs, in place.

    They are its embeddings' components along the leading left singular vectors of its weight: of all linear maps to
    so many dimensions the one that changes the projection least (Eckart and Young 1936).

    Raises:
        MenuraError: the ColBERT has fewer dimensions, or no linear projection at its end.
    """
    found = model.get_embedding_dimension()
    if dimension == found:
        return
    projections = [module for module in model if isinstance(module, Dense)]
    if found is None or dimension > found:
        raise MenuraError(f"[students] {name} has {found} dimensions; cannot make {dimension} of them.")
    projection = projections[-1] if projections else None
    if projection is None or not isinstance(projection.activation_function, nn.Identity) or projection.use_residual:
        raise MenuraError(f"[students] {name} has no plain linear projection; leave dimension out.")
    kept = torch.linalg.svd(projection.linear.weight, full_matrices=False).U[:, :dimension].T
    smaller = nn.Linear(projection.in_features, dimension, bias=projection.bias)
    smaller.weight.copy_(kept @ projection.linear.weight)
    if projection.bias:
        smaller.bias.copy_(kept @ projection.linear.bias)
    projection.linear, projection.out_features = smaller, dimension
