"""How far a student's vectors of tokens lie from its mentor's."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from menura.losses.labels import weighted_mean

__all__ = ["Distance", "projection_between", "token_distance"]

Distance = Literal["cosine", "mse"]


def token_distance(
    student: Tensor,
    mentor: Tensor,
    mask: Tensor,
    *,
    distance: Distance = "cosine",
    projection: nn.Module | None = None,
) -> Tensor:
    """The mean over tokens of `1 - cos(P s, m)`, or of `|P s - m|^2 / d`; in float32 for half precision.

    Args:
        student: vectors `[...,ds]`.
        mentor: `[...,d]` of the same tokens; no gradient flows to them.
        mask: `[...]`, which tokens count. What others hold, NaN too, changes nothing.
        distance: ``"cosine"`` or ``"mse"``.
        projection: P, from ds to d dimensions. None: the identity.

    Returns:
        A scalar; zero where no token counts.

    Raises:
        ValueError: the shapes do not fit.
    """
    if student.shape[:-1] != mentor.shape[:-1] or mask.shape != mentor.shape[:-1]:
        raise ValueError(
            "[token_distance] student, mentor and mask must be of the same tokens; "
            f"got {list(student.shape)}, {list(mentor.shape)} and {list(mask.shape)}."
        )
    own, other = student[mask], mentor.detach()[mask]
    own = own if projection is None else projection(own)
    if own.shape != other.shape:
        raise ValueError(
            f"[token_distance] the student has {own.shape[-1]} dimensions and the mentor {other.shape[-1]}; "
            "they need a projection."
        )
    own, other = _widened(own), _widened(other)
    errors = 1 - cosine_similarity(own, other, dim=-1) if distance == "cosine" else (own - other).square().mean(-1)
    return weighted_mean(errors, None)


def projection_between(dimensions: tuple[int, int] | None) -> nn.Module:
    """From the student's number of dimensions to the mentor's: a linear map to train, orthogonal at first.

    The identity where they have the same number, or `dimensions` is None.
    """
    if dimensions is None or dimensions[0] == dimensions[1]:
        return nn.Identity()
    projection = nn.Linear(*dimensions, bias=False)
    nn.init.orthogonal_(projection.weight)
    return projection


def _widened(vectors: Tensor) -> Tensor:
    return vectors.to(torch.promote_types(vectors.dtype, torch.float32))
