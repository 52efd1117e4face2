"""A batch through the transformer in groups of texts of like length, so that little of the work is padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from sentence_transformers.base.modules import Transformer
from torch import Tensor
from torch.nn.functional import pad

from menura.batching import length_groups
from menura.layers import batches_stay_whole

__all__ = ["forward_by_length"]

Features = dict[str, Any]

# A group of its own costs about as much as so many tokens.
PADDING = 128
# A batch with these has no padding, or looks behind it.
UNPADDED = ("cu_seq_lens_q", "query_expansion_positions")


def forward_by_length(transformer: Transformer, features: Features, **kwargs: Any) -> Features:
    """The forward of `transformer` with as few padded tokens as pay, whose states are zeros.

    On accelerators, where a kernel more costs more than padding, and where somebody looks at the batch within
    (`menura.layers.whole_batches`), it is the forward as it was.
    """
    forward: Callable[..., Features] = type(transformer).forward
    groups = _groups(transformer, features)
    if len(groups) < 2:
        return forward(transformer, features, **kwargs)
    rows, length = features["attention_mask"].shape
    states = []
    for group, longest in groups:
        cut = {name: _cut(value, group, longest, (rows, length)) for name, value in features.items()}
        encoded = forward(transformer, cut, **kwargs)[transformer.module_output_name]
        states.append(pad(encoded, (0, 0, 0, length - longest)))
    places = torch.argsort(torch.cat([group for group, _ in groups]))
    features[transformer.module_output_name] = torch.cat(states)[places]
    return features


def _groups(transformer: Transformer, features: Features) -> list[tuple[Tensor, int]]:
    """Rows of each group, and their longest; none where the batch has to stay whole."""
    mask = features.get("attention_mask")
    if mask is None or mask.device.type != "cpu" or batches_stay_whole() or not _can_be_cut(transformer, features):
        return []
    # Behind its last token a text is padding, whatever is masked within.
    places = torch.arange(1, mask.shape[1] + 1)
    lengths = (mask.bool() * places).amax(dim=1).clamp(min=1).tolist()
    return [(torch.tensor(group), lengths[group[0]]) for group in length_groups(lengths, PADDING)]


def _can_be_cut(transformer: Transformer, features: Features) -> bool:
    """Whether all that comes and all that goes is one row for each text."""
    rows = len(features["attention_mask"])
    return (
        not any(name in features for name in UNPADDED)
        and all(len(value) == rows for value in features.values() if isinstance(value, Tensor) and value.dim())
        and not getattr(transformer.model.config, "output_hidden_states", False)
    )


def _cut(value: Any, rows: Tensor, length: int, shape: tuple[int, int]) -> Any:
    """What a feature is for some rows: those of tokens lose their end, those of texts and of the batch nothing."""
    if not isinstance(value, Tensor) or not value.dim():
        return value
    return value[rows, :length] if value.shape[:2] == shape else value[rows]
