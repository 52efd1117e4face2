"""How many active terms a student has when it is used, where training sees it under dropout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from accelerate.utils import extract_model_from_parallel
from sentence_transformers import SparseEncoder
from torch import Tensor, nn

from menura.losses.gathering import mean_over_processes
from menura.losses.sparsity import Side, active_terms
from menura.training.sparsity.control import FEWEST_TERMS

__all__ = ["served_ratios", "served_terms"]

BATCH = 32


@torch.no_grad()
def served_ratios(model: nn.Module, texts: Mapping[Side, Sequence[str]]) -> dict[Side, float]:
    """The logarithm of a side's active terms without dropout over those with it, averaged over the processes.

    The ratio is taken on the same texts, so that few of them do. It draws no random number that training would miss.
    """
    student = _bare(model)
    with torch.random.fork_rng([student.device] if student.device.type == "cuda" else []):
        trained = _means(student, texts)
    with _in_use(student):
        used = _means(student, texts)
    ratios = used.clamp(min=FEWEST_TERMS).log() - trained.clamp(min=FEWEST_TERMS).log()
    return dict(zip(texts, mean_over_processes(ratios).tolist(), strict=True))


@torch.no_grad()
def served_terms(model: nn.Module, texts: Mapping[Side, Sequence[str]]) -> dict[Side, float]:
    """The mean number of active terms that a side's texts have in use, averaged over the processes."""
    student = _bare(model)
    with _in_use(student):
        return dict(zip(texts, mean_over_processes(_means(student, texts)).tolist(), strict=True))


def _bare(model: nn.Module) -> SparseEncoder:
    return cast(SparseEncoder, extract_model_from_parallel(model))


@contextmanager
def _in_use(student: SparseEncoder) -> Iterator[None]:
    """Without dropout."""
    modes = {module: module.training for module in student.modules()}
    student.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _means(student: SparseEncoder, texts: Mapping[Side, Sequence[str]]) -> Tensor:
    """Active terms of a text, for each side."""
    return torch.stack([_counts(student, side, some).mean() for side, some in texts.items()])


def _counts(student: SparseEncoder, side: Side, texts: Sequence[str]) -> Tensor:
    """`[len(texts)]`."""
    counts = []
    for start in range(0, len(texts), BATCH):
        features = student.preprocess(list(texts[start : start + BATCH]), task=side)
        on_device = {
            name: value.to(student.device) if torch.is_tensor(value) else value for name, value in features.items()
        }
        counts.append(active_terms(student(on_device)["sentence_embedding"]))
    return torch.cat(counts)
