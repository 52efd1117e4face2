"""Which passages of a query are compared with each other."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from menura.losses.scores.checks import check_choice

__all__ = ["Pairs", "pair_weights", "sides"]

Pairs = Literal["positive", "all"]


def sides(values: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """The first and the second value of every pair in `[B,N]`; together they broadcast to `[B,P]`.

    ``"positive"``: the first passage against each other one. ``"all"``: every i < j.

    Raises:
        ValueError: `pairs` is neither.
    """
    check_choice("pairs", pairs, get_args(Pairs))
    if pairs == "positive":
        return values[:, :1], values[:, 1:]
    first, second = torch.triu_indices(values.shape[1], values.shape[1], offset=1, device=values.device)
    return values[:, first], values[:, second]


def pair_weights(weights: Tensor, pairs: Pairs) -> Tensor:
    """`w_i w_j` of every pair: a comparison is as good as both of its scores."""
    first, second = sides(weights, pairs)
    return first * second
