"""How many active terms a student has when it is used, where training sees it under dropout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from accelerate.utils import extract_model_from_parallel
from sentence_transformers import SparseEncoder
from torch import Tensor, nn

from menura.losses.gathering import mean_over_processes
from menura.losses.sparsity import Side, active_terms
from menura.training.sparsity.control import FEWEST_TERMS

__all__ = ["served_ratios"]


@torch.no_grad()
def served_ratios(model: nn.Module, texts: Mapping[Side, Sequence[str]]) -> dict[Side, float]:
    """The logarithm of a side's active terms without dropout over those with it, averaged over the processes.

    The ratio is taken on the same texts, so that few of them do. It draws no random number that training would miss.
    """
    student = cast(SparseEncoder, extract_model_from_parallel(model))
    device = student.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        counts = torch.stack([_terms(student, side, some) for side, some in texts.items()])
    logarithms = mean_over_processes(counts.clamp(min=FEWEST_TERMS).log()).tolist()
    return {side: used - trained for side, (trained, used) in zip(texts, logarithms, strict=True)}


def _terms(student: SparseEncoder, side: Side, texts: Sequence[str]) -> Tensor:
    """`[2]`: the mean number of active terms in training, and in use."""
    features = student.preprocess(list(texts), task=side)
    features = {name: value.to(student.device) if torch.is_tensor(value) else value for name, value in features.items()}
    modes = {module: module.training for module in student.modules()}
    counts = [active_terms(student(dict(features))["sentence_embedding"]).mean()]
    student.eval()
    try:
        counts.append(active_terms(student(dict(features))["sentence_embedding"]).mean())
    finally:
        for module, training in modes.items():
            module.training = training
    return torch.stack(counts)
