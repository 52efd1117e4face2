"""The trainers of sentence-transformers, with checkpoints that hold all that training changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import MultiVectorEncoderTrainer, SparseEncoderTrainer
from sentence_transformers.base.trainer import BaseTrainer
from torch import Tensor

from menura.errors import MenuraError
from menura.losses import DistillationLoss
from menura.students import has_lora

__all__ = ["ColbertTrainer", "SpladeTrainer"]

STATE = "loss.safetensors"


class _WholeCheckpoints(BaseTrainer):
    """A checkpoint of the library holds the model as it loads it; beside it, here, lies what the model has not.

    That is the state of the loss's objectives, and all trained parameters of a model with adapters, which the library
    could not load.
    """

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self._beside_the_model().items()}
        if state:
            save_file(state, Path(output_dir or str(self.args.output_dir)) / STATE)

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:  # type: ignore[override]  # as the library does
        if not has_lora(self.model):
            super()._load_from_checkpoint(checkpoint_path)
        state = self._beside_the_model()
        if not state:
            return
        path = Path(checkpoint_path) / STATE
        stored = load_file(path) if path.is_file() else {}
        if stored.keys() != state.keys():
            raise MenuraError(
                f"[training] {path} must hold {len(state)} tensors of the training as it is; it holds {len(stored)}. "
                "Remove the checkpoints to start afresh."
            )
        with torch.no_grad():
            for name, tensor in state.items():
                tensor.copy_(stored[name])

    def _beside_the_model(self) -> dict[str, Tensor]:
        """By name, what belongs to this training but not to a saved model."""
        state = cast(DistillationLoss, self.loss).own_state()
        if has_lora(self.model):
            trained = self.model.named_parameters()
            state |= {f"model.{name}": parameter for name, parameter in trained if parameter.requires_grad}
        return state


class ColbertTrainer(_WholeCheckpoints, MultiVectorEncoderTrainer):
    """For a `menura.losses.ColbertDistillationLoss`."""


class SpladeTrainer(_WholeCheckpoints, SparseEncoderTrainer):
    """For a `menura.losses.SpladeDistillationLoss`."""
