"""Batches larger than memory: encoded by mini-batches, each of them once more when its gradient is wanted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from sentence_transformers.base.losses.gradcache import _create_minibatch, _minibatch_ranges
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from menura.losses.encoded import Features
from menura.losses.encoded.sparse_rows import Entries, SparseRows, active_entries, join_rows

__all__ = ["MiniBatches"]


class MiniBatches(nn.Module):
    """Stands for the student when a batch is encoded: `size` texts at a time, of which only representations stay.

    Every mini-batch is a checkpoint (Chen et al. 2016, arXiv 1604.06174): its forward is repeated, with the same
    dropout and precision, when the backward pass comes to it. Memory is that of gradient caching (Gao et al. 2021,
    arXiv 2101.06983), and yet there is one backward pass, in which autograd, DDP, loss scalers and parameters of
    objectives do as they always do.

    Args:
        model: the student.
        size: texts in a mini-batch.
        outputs: the keys of what objectives look at among all that the model makes: tensors `[n,...]`.
        sparse: those of them, `[n,V]`, of which only active entries are kept, as `SparseRows`. Behind a ReLU no other
            entry has a gradient.
    """

    def __init__(self, model: nn.Module, size: int, outputs: Sequence[str], *, sparse: Collection[str] = ()) -> None:
        super().__init__()
        self.model = model
        self.size = size
        self.outputs = outputs
        self.sparse = sparse

    def forward(self, features: Features, **options: Any) -> Features:
        """The `outputs` of all texts of `features`; those of tokens are padded to the longest text."""
        ranges = _minibatch_ranges(features, self.size)
        parts = [self._encode(_create_minibatch(features, *between), options) for between in ranges]
        return {name: _join([part[name] for part in parts]) for name in self.outputs}

    def _encode(self, features: Features, options: dict[str, Any]) -> Features:
        forward = _Forward(self, options)
        # The features are an argument, for devices are looked for among these, and it is their dropout that repeats.
        kept: Features = checkpoint(forward, features, use_reentrant=False)
        for name, (entries, shape) in forward.active.items():
            kept[name] = SparseRows.at(entries, kept[name], shape)
        return kept


class _Forward:
    """The forward of one mini-batch, which can be repeated. Of a sparse output it returns the active entries."""

    def __init__(self, batches: MiniBatches, options: dict[str, Any]) -> None:
        self.model = batches.model
        self.outputs = batches.outputs
        self.sparse = batches.sparse
        self.options = options
        self.active: dict[str, tuple[Entries, torch.Size]] = {}

    def __call__(self, features: Features) -> Features:
        encoded = self.model(dict(features), **self.options)
        if isinstance(self.model, DistributedDataParallel):
            # DDP's forward announces a backward pass; a repetition stands within one.
            self.model = self.model.module
        return {name: self._kept(name, encoded[name]) for name in self.outputs}

    def _kept(self, name: str, output: Tensor) -> Tensor:
        if name not in self.sparse:
            return output
        # The first pass says what is active: rounding that differs in the second would be another set of entries.
        entries, _ = self.active.setdefault(name, (active_entries(output), output.shape))
        return output[entries]


def _join(parts: list[Any]) -> Any:
    """Tensors `[n_i,...]`, one below the other; the second axis is padded with zeros to the longest."""
    if isinstance(parts[0], SparseRows):
        return join_rows(parts)
    if parts[0].dim() > 1:
        length = max(part.shape[1] for part in parts)
        parts = [pad(part, [0, 0] * (part.dim() - 2) + [0, length - part.shape[1]]) for part in parts]
    return torch.cat(parts)
