"""What every student's training begins and ends with, on sentence-transformers' trainers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from datasets import Dataset
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from transformers import set_seed

from menura.errors import MenuraError
from menura.files import write_json
from menura.losses import Affine
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, add_lora, merge_lora, save_student
from menura.trainer import checkpoint_layers, plain_attention, set_dropout, show_progress
from menura.training.checkpoint import latest_checkpoint, restore_finished
from menura.training.online import OnlineExamples

__all__ = ["TrainingResult", "calibrate", "finish", "mini_batch_size", "prepare", "rows_of", "run"]

Student = TypeVar("Student", MultiVectorEncoder, SparseEncoder)


@dataclass(frozen=True)
class TrainingResult:
    """A finished training: where the student lies, its log entries, and what maps the teacher's scale to its own."""

    folder: Path
    history: list[dict[str, Any]]
    calibration: Affine


def prepare(model: Student, settings: ColbertSettings | SpladeSettings, output: Path, *, seed: int) -> Path | None:
    """Make `model` ready, and return the checkpoint to go on from.

    Raises:
        MenuraError: `output` cannot be written, which is found out before anything is trained.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise MenuraError(f"[training] cannot write {output}: {error.strerror}; choose another folder.") from error
    checkpoint = latest_checkpoint(output / "checkpoints")
    set_seed(seed)
    if settings.lora is not None:
        add_lora(model, settings.lora)
    accelerate(model)
    set_dropout(model, settings.dropout)
    checkpoint_layers(model, settings.trainer)
    return checkpoint


def mini_batch_size(settings: ColbertSettings | SpladeSettings) -> int | None:
    """How many texts go through the student at a time; None: all of a batch."""
    if settings.mini_batch_size is not None or settings.trainer.accumulation == 1:
        return settings.mini_batch_size
    return settings.trainer.batch_size * (1 + settings.negatives)


def calibrate(output: Path, checkpoint: Path | None, fit: Callable[[], Affine]) -> Affine:
    """The stored map where a run goes on, else a newly fitted one."""
    path = output / "calibration.json"
    if checkpoint is not None and path.is_file():
        return Affine(**json.loads(path.read_text(encoding="utf-8")))
    calibration = fit()
    write_json(path, asdict(calibration))
    return calibration


def rows_of(examples: Dataset | OnlineExamples) -> Dataset:
    """What the trainer gets: rows of texts and scores, or of ids."""
    return examples.rows if isinstance(examples, OnlineExamples) else examples


def run(trainer: Any, description: str, output: Path, checkpoint: Path | None) -> list[dict[str, Any]]:
    """Train, from `checkpoint` on, and write the log entries, which are returned, to ``output/history.json``."""
    plain_attention(trainer.model)
    show_progress(trainer, description)
    try:
        if not restore_finished(trainer, checkpoint):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except OSError as error:
        raise MenuraError(f"[training] cannot write {output}: {error.strerror or error}.") from error
    history: list[dict[str, Any]] = trainer.state.log_history
    if trainer.is_world_process_zero():
        write_json(output / "history.json", history)
    return history


def finish(
    trainer: Any,
    examples: Dataset | OnlineExamples,
    description: str,
    output: Path,
    checkpoint: Path | None,
    calibration: Affine,
) -> TrainingResult:
    """Train, from `checkpoint` on, and save the student and its history."""
    if isinstance(examples, OnlineExamples):
        examples.attach(trainer)
    history = run(trainer, description, output, checkpoint)
    merge_lora(trainer.model)
    if trainer.is_world_process_zero():
        save_student(trainer.model, output)
    return TrainingResult(output, history, calibration)
