"""sentence-transformers' trainer for two models at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_model, save_model
from sentence_transformers.base.data_collator import DEFAULT_LABEL_COLUMNS, BaseDataCollator
from sentence_transformers.base.trainer import BaseTrainer
from sentence_transformers.multi_vector_encoder.data_collator import MultiVectorEncoderDataCollator
from sentence_transformers.sparse_encoder.data_collator import SparseEncoderDataCollator
from torch import Tensor, nn

from menura.losses import JointDistillationLoss

__all__ = ["JointTrainer"]

WEIGHTS = "model.safetensors"


class JointCollator:
    """A batch of rows as each student reads it, by the student's name."""

    def __init__(self, **collators: BaseDataCollator) -> None:
        self._collators = collators
        self.valid_label_columns = DEFAULT_LABEL_COLUMNS  # which the trainer's samplers ask for

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        return {name: collator(features) for name, collator in self._collators.items()}


class JointTrainer(BaseTrainer):
    """Trains a `JointDistillationLoss`: the model, which holds both students, is its own loss.

    So it is wrapped as a whole and called once a step, and a checkpoint holds the two with whatever their objectives
    have learned.
    """

    def __init__(self, model: JointDistillationLoss, **options: Any) -> None:
        colbert, splade = cast(Any, model.colbert.model), cast(Any, model.splade.model)
        collator = JointCollator(
            colbert=MultiVectorEncoderDataCollator(preprocess_fn=colbert.preprocess),
            splade=SparseEncoderDataCollator(preprocess_fn=splade.preprocess),
        )
        super().__init__(cast(Any, model), data_collator=cast(Any, collator), **options)
        self._students = [colbert, splade]

    def get_default_loss(self, model: nn.Module) -> nn.Module:
        return model

    def prepare_loss(self, loss: Any, model: nn.Module) -> nn.Module:
        return cast(nn.Module, loss)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: a card tells of one model."""

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *arguments: Any, **options: Any) -> Tensor:
        """The sum of all parts, each of which is logged by its name."""
        features = {name: self.collect_features(columns)[0] for name, columns in inputs.items()}
        parts: dict[str, Tensor] = model(features, inputs["colbert"].get("label"))
        self.track_loss_components(parts)
        return torch.stack(list(parts.values())).sum()

    def _clip_grad_norm(self, model: nn.Module) -> Tensor:
        # Together, the larger gradient would shorten the steps of the student that has the smaller one.
        limit = self.args.max_grad_norm
        norms = [self.accelerator.clip_grad_norm_(student.parameters(), limit) for student in self._students]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
        return norm

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.model, str(folder / WEIGHTS))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        load_model(model or self.model, str(Path(resume_from_checkpoint) / WEIGHTS))
