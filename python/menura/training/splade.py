"""Training a SPLADE student."""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path
from typing import cast

from datasets import Dataset
from sentence_transformers import SparseEncoder, SparseEncoderTrainingArguments
from transformers import TrainerCallback

from menura.losses import Affine, SpladeDistillationLoss
from menura.losses.sparsity import Side
from menura.recipe import SpladeSettings
from menura.students import vocabulary_size
from menura.trainer import trainer_arguments
from menura.training.calibration import fit_calibration
from menura.training.mentoring import build_mentor
from menura.training.objectives import build_objectives, learning_rates
from menura.training.online import OnlineExamples
from menura.training.running import TrainingResult, calibrate, finish, mini_batch_size, prepare, rows_of
from menura.training.sparsity import build_regularizers, sparsity_callbacks
from menura.training.trainers import SpladeTrainer
from menura.training.weighing import WeightSchedules

__all__ = ["splade_loss", "train_splade"]

# So many texts of each side are watched.
WATCHED = 256


def train_splade(
    model: SparseEncoder, settings: SpladeSettings, examples: Dataset | OnlineExamples, *, output: Path, seed: int
) -> TrainingResult:
    """Distil a SPLADE: `menura.losses.SpladeDistillationLoss` on `examples` (see `build_examples`),
    which may be made while it trains (`OnlineExamples`).

    The map from the teacher's scale to the student's, or to its mentor's where it has one, is fitted once, before the
    first step, and written to ``output/calibration.json``; where no objective needs logits it is the identity. A run
    that was cut short goes on from its latest whole checkpoint under ``output/checkpoints``, with the same map.

    Raises:
        MenuraError: `output` cannot be written or holds only broken checkpoints, or an objective does not fit the
            student.
    """
    checkpoint = prepare(model, settings, output, seed=seed)
    loss, callbacks = splade_loss(model, settings, output=output, examples=examples, checkpoint=checkpoint, seed=seed)
    trainer = SpladeTrainer(
        model=model,
        args=trainer_arguments(
            SparseEncoderTrainingArguments,
            settings.trainer,
            output,
            seed=seed,
            whole_batches=True,
            learning_rate_mapping={f"^{name}": rate for name, rate in learning_rates(settings).items()},
        ),
        train_dataset=rows_of(examples),
        loss=loss,
        callbacks=callbacks,
    )
    return finish(trainer, examples, "Training SPLADE", output, checkpoint, loss.calibration)


def splade_loss(
    model: SparseEncoder,
    settings: SpladeSettings,
    *,
    output: Path,
    examples: Dataset | OnlineExamples,
    checkpoint: Path | None,
    seed: int,
    log_prefix: str = "",
) -> tuple[SpladeDistillationLoss, list[TrainerCallback]]:
    """What the student is asked for, and what changes it between steps. See `colbert_loss`."""
    size = mini_batch_size(settings)
    mentor, lessons = build_mentor(settings.mentor, model, size)
    scale = model if mentor is None else cast(SparseEncoder, mentor.model)
    fit = partial(fit_calibration, scale, examples, seed=seed) if settings.objectives.need_logits else Affine
    vocabulary = vocabulary_size(model)
    regularizers = build_regularizers(settings, vocabulary=vocabulary)
    loss = SpladeDistillationLoss(
        model,
        [*build_objectives(settings.objectives, model, str(settings.model)), *lessons, *regularizers],
        calibration=calibrate(output, checkpoint, fit),
        mini_batch_size=size,
        mentor=mentor,
    )
    watched = _first_texts(examples)
    callbacks = sparsity_callbacks(settings, loss, regularizers, vocabulary=vocabulary, texts=watched)
    return loss, [*callbacks, WeightSchedules(loss, log_prefix=log_prefix)]


def _first_texts(examples: Dataset | OnlineExamples) -> dict[Side, list[str]]:
    if isinstance(examples, OnlineExamples):
        queries, documents = examples.first_texts(WATCHED)
    else:
        rows = examples[:WATCHED]
        passages = zip(*(texts for name, texts in rows.items() if name.startswith("passage_")), strict=True)
        queries, documents = list(rows["query"]), list(chain.from_iterable(passages))
    return {"query": queries, "document": documents[:WATCHED]}
