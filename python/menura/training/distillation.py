"""Training a student from a teacher's logits, on sentence-transformers' trainers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from datasets import Dataset
from sentence_transformers import (
    MultiVectorEncoder,
    MultiVectorEncoderTrainer,
    MultiVectorEncoderTrainingArguments,
    SparseEncoder,
    SparseEncoderTrainer,
    SparseEncoderTrainingArguments,
)
from sentence_transformers.base.modules.dense import Dense
from transformers import set_seed

from menura.errors import MenuraError
from menura.files import write_json
from menura.losses import Affine, ColbertMarginMSELoss, SpladeScoreMSELoss
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, save_student
from menura.trainer import plain_attention, set_dropout, show_progress, trainer_arguments
from menura.training.calibration import fit_calibration, fit_margin_scale
from menura.training.callbacks import RegularizerWarmup
from menura.training.checkpoint import latest_checkpoint

__all__ = ["TrainingResult", "train_colbert", "train_splade"]


@dataclass(frozen=True)
class TrainingResult:
    """A finished training: where the student lies, its log entries, and what maps the teacher's scale to its own."""

    folder: Path
    history: list[dict[str, Any]]
    calibration: Affine


def train_colbert(
    model: MultiVectorEncoder, settings: ColbertSettings, examples: Dataset, *, output: Path, seed: int
) -> TrainingResult:
    """Distil a ColBERT pairwise: `menura.losses.ColbertMarginMSELoss` on `examples` (see `build_examples`).

    With `settings.calibrate`, the teacher's margins are first scaled to the spread of the starting student's. The
    factor is fitted once and written to ``output/calibration.json``. A run that was cut short goes on from its latest
    whole checkpoint under ``output/checkpoints``, with the same factor.

    Raises:
        MenuraError: `output` cannot be written, or holds only broken checkpoints.
    """
    checkpoint = _prepare(output)
    set_seed(seed)
    accelerate(model)
    set_dropout(model, settings.dropout)
    fit = partial(fit_margin_scale, model, examples, seed=seed) if settings.calibrate else Affine
    calibration = _calibration(output, checkpoint, fit)
    trainer = MultiVectorEncoderTrainer(
        model=model,
        args=MultiVectorEncoderTrainingArguments(
            **trainer_arguments(settings.trainer, output=str(output / "checkpoints"), seed=seed),
            learning_rate_mapping=_projection_rate(model, settings.projection_learning_rate),
        ),
        train_dataset=examples,
        loss=ColbertMarginMSELoss(model, pairs=settings.pairs, calibration=calibration),
    )
    history = _run(trainer, "Distilling ColBERT", output, checkpoint)
    return TrainingResult(save_student(model, output), history, calibration)


def train_splade(
    model: SparseEncoder, settings: SpladeSettings, examples: Dataset, *, output: Path, seed: int
) -> TrainingResult:
    """Distil a SPLADE by regression: `menura.losses.SpladeScoreMSELoss` on `examples` (see `build_examples`).

    The map from the teacher's scale to the student's is fitted once, before the first step, and written to
    ``output/calibration.json``. A run that was cut short goes on from its latest whole checkpoint under
    ``output/checkpoints``, with the same map.

    Raises:
        MenuraError: `output` cannot be written, or holds only broken checkpoints.
    """
    checkpoint = _prepare(output)
    set_seed(seed)
    accelerate(model)
    set_dropout(model, settings.dropout)
    calibration = _calibration(output, checkpoint, partial(fit_calibration, model, examples, seed=seed))
    loss = SpladeScoreMSELoss(
        model,
        calibration=calibration,
        document_regularizer=settings.document_regularizer,
        query_regularizer=settings.query_regularizer,
    )
    trainer = SparseEncoderTrainer(
        model=model,
        args=SparseEncoderTrainingArguments(
            **trainer_arguments(settings.trainer, output=str(output / "checkpoints"), seed=seed)
        ),
        train_dataset=examples,
        loss=loss,
        callbacks=[RegularizerWarmup(loss, warmup=settings.regularizer_warmup)],
    )
    history = _run(trainer, "Distilling SPLADE", output, checkpoint)
    return TrainingResult(save_student(model, output), history, calibration)


def _projection_rate(model: MultiVectorEncoder, rate: float | None) -> dict[str, float]:
    """The trainer's pattern for the projection's parameters, which it sees below the loss's `model`."""
    if rate is None:
        return {}
    for name, module in model.named_children():
        if isinstance(module, Dense):
            return {rf"^model\.{name}\.": rate}
    raise MenuraError("[training] the student has no projection for projection_learning_rate; leave it out.")


def _calibration(output: Path, checkpoint: Path | None, fit: Callable[[], Affine]) -> Affine:
    """The stored map where a run goes on, else a newly fitted one."""
    path = output / "calibration.json"
    if checkpoint is not None and path.is_file():
        return Affine(**json.loads(path.read_text(encoding="utf-8")))
    calibration = fit()
    write_json(path, asdict(calibration))
    return calibration


def _prepare(output: Path) -> Path | None:
    """Find out whether `output` can be written before anything is trained; return the checkpoint to go on from."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise MenuraError(f"[training] cannot write {output}: {error.strerror}; choose another folder.") from error
    return latest_checkpoint(output / "checkpoints")


def _run(trainer: Any, description: str, output: Path, checkpoint: Path | None) -> list[dict[str, Any]]:
    plain_attention(trainer.model)
    show_progress(trainer, description)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except OSError as error:
        raise MenuraError(f"[training] cannot write {output}: {error.strerror or error}.") from error
    history: list[dict[str, Any]] = trainer.state.log_history
    write_json(output / "history.json", history)
    return history
