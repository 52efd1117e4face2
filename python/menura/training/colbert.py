"""Training a ColBERT student."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from datasets import Dataset
from sentence_transformers import MultiVectorEncoder, MultiVectorEncoderTrainer, MultiVectorEncoderTrainingArguments
from sentence_transformers.base.modules.dense import Dense

from menura.errors import MenuraError
from menura.losses import Affine, ColbertDistillationLoss
from menura.recipe import ColbertSettings
from menura.trainer import trainer_arguments
from menura.training.calibration import fit_margin_scale
from menura.training.objectives import build_objectives
from menura.training.running import TrainingResult, calibrate, finish, prepare

__all__ = ["train_colbert"]


def train_colbert(
    model: MultiVectorEncoder, settings: ColbertSettings, examples: Dataset, *, output: Path, seed: int
) -> TrainingResult:
    """Distil a ColBERT: `menura.losses.ColbertDistillationLoss` on `examples` (see `build_examples`).

    With `settings.calibrate`, the teacher's margins are first scaled to the spread of the starting student's. The
    factor is fitted once and written to ``output/calibration.json``. A run that was cut short goes on from its latest
    whole checkpoint under ``output/checkpoints``, with the same factor.

    Raises:
        MenuraError: `output` cannot be written, or holds only broken checkpoints.
    """
    checkpoint = prepare(model, output, dropout=settings.dropout, seed=seed)
    fit = partial(fit_margin_scale, model, examples, seed=seed) if settings.calibrate else Affine
    calibration = calibrate(output, checkpoint, fit)
    trainer = MultiVectorEncoderTrainer(
        model=model,
        args=MultiVectorEncoderTrainingArguments(
            **trainer_arguments(settings.trainer, output=str(output / "checkpoints"), seed=seed),
            learning_rate_mapping=_projection_rate(model, settings.projection_learning_rate),
        ),
        train_dataset=examples,
        loss=ColbertDistillationLoss(model, build_objectives(settings.objectives), calibration=calibration),
    )
    return finish(trainer, "Distilling ColBERT", output, checkpoint, calibration)


def _projection_rate(model: MultiVectorEncoder, rate: float | None) -> dict[str, float]:
    """The trainer's pattern for the projection's parameters, which it sees below the loss's `model`."""
    if rate is None:
        return {}
    for name, module in model.named_children():
        if isinstance(module, Dense):
            return {rf"^model\.{name}\.": rate}
    raise MenuraError("[training] the student has no projection for projection_learning_rate; leave it out.")
