"""Training a ColBERT student."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import cast

from datasets import Dataset
from sentence_transformers import MultiVectorEncoder, MultiVectorEncoderTrainingArguments
from sentence_transformers.base.modules.dense import Dense
from transformers import TrainerCallback

from menura.errors import MenuraError
from menura.losses import Affine, ColbertDistillationLoss
from menura.recipe import ColbertSettings
from menura.trainer import trainer_arguments
from menura.training.calibration import fit_margin_scale
from menura.training.mentoring import build_mentor
from menura.training.objectives import build_objectives, learning_rates
from menura.training.online import OnlineExamples
from menura.training.running import TrainingResult, calibrate, finish, mini_batch_size, prepare, rows_of
from menura.training.trainers import ColbertTrainer
from menura.training.weighing import WeightSchedules

__all__ = ["colbert_loss", "own_rates", "train_colbert"]


def train_colbert(
    model: MultiVectorEncoder, settings: ColbertSettings, examples: Dataset | OnlineExamples, *, output: Path, seed: int
) -> TrainingResult:
    """Distil a ColBERT: `menura.losses.ColbertDistillationLoss` on `examples` (see `build_examples`),
    which may be made while it trains (`OnlineExamples`).

    With `settings.calibrate`, the teacher's margins are first scaled to the spread of the starting student's, or of its
    mentor's where it has one. The factor is fitted once and written to ``output/calibration.json``. A run that was cut
    short goes on from its latest whole checkpoint under ``output/checkpoints``, with the same factor.

    Raises:
        MenuraError: `output` cannot be written or holds only broken checkpoints, or an objective does not fit the
            student.
    """
    checkpoint = prepare(model, settings, output, seed=seed)
    loss, callbacks = colbert_loss(model, settings, output=output, examples=examples, checkpoint=checkpoint, seed=seed)
    trainer = ColbertTrainer(
        model=model,
        args=trainer_arguments(
            MultiVectorEncoderTrainingArguments,
            settings.trainer,
            output,
            seed=seed,
            whole_batches=True,
            learning_rate_mapping={f"^{name}": rate for name, rate in own_rates(model, settings).items()},
        ),
        train_dataset=rows_of(examples),
        loss=loss,
        callbacks=callbacks,
    )
    return finish(trainer, examples, "Training ColBERT", output, checkpoint, loss.calibration)


def colbert_loss(
    model: MultiVectorEncoder,
    settings: ColbertSettings,
    *,
    output: Path,
    examples: Dataset | OnlineExamples,
    checkpoint: Path | None,
    seed: int,
    log_prefix: str = "",
) -> tuple[ColbertDistillationLoss, list[TrainerCallback]]:
    """What the student is asked for, and what changes it between steps.

    Fits the map from the teacher's scale, unless there is a `checkpoint`. `log_prefix` tells its weights in the log
    from another student's.
    """
    size = mini_batch_size(settings)
    mentor, lessons = build_mentor(settings.mentor, model, size)
    scale = model if mentor is None else cast(MultiVectorEncoder, mentor.model)
    fit = partial(fit_margin_scale, scale, examples, seed=seed) if settings.calibrate else Affine
    loss = ColbertDistillationLoss(
        model,
        [*build_objectives(settings.objectives, model, str(settings.model)), *lessons],
        calibration=calibrate(output, checkpoint, fit),
        mini_batch_size=size,
        mentor=mentor,
    )
    return loss, [WeightSchedules(loss, log_prefix=log_prefix)]


def own_rates(model: MultiVectorEncoder, settings: ColbertSettings) -> dict[str, float]:
    """The rates of the projection and of what objectives learn, by patterns of how their names begin in the loss."""
    rates = learning_rates(settings)
    if settings.projection_learning_rate is None:
        return rates
    for name, module in model.named_children():
        if isinstance(module, Dense):
            return {rf"model\.{name}\.": settings.projection_learning_rate, **rates}
    raise MenuraError("[training] the student has no projection for projection_learning_rate; leave it out.")
