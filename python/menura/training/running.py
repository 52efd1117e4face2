"""What every student's training begins and ends with, on sentence-transformers' trainers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from datasets import Dataset
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from transformers import set_seed

from menura.files import write_json
from menura.losses import Affine
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, add_lora, merge_lora, save_student
from menura.trainer import checkpoint_layers, open_output, run, set_dropout
from menura.training.online import OnlineExamples

__all__ = ["TrainingResult", "attach", "calibrate", "finish", "mini_batch_size", "prepare", "rows_of"]

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
        MenuraError: `output` cannot be written or holds only broken checkpoints.
    """
    checkpoint = open_output(output)
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


def attach(examples: Dataset | OnlineExamples, trainer: Any) -> None:
    """Have rows of ids become texts and scores where `trainer` makes its batches."""
    if isinstance(examples, OnlineExamples):
        examples.attach(trainer)


def finish(
    trainer: Any,
    examples: Dataset | OnlineExamples,
    description: str,
    output: Path,
    checkpoint: Path | None,
    calibration: Affine,
) -> TrainingResult:
    """Train, from `checkpoint` on, and save the student and its history."""
    attach(examples, trainer)
    history = run(trainer, description, output, checkpoint)
    merge_lora(trainer.model)
    if trainer.is_world_process_zero():
        save_student(trainer.model, output)
    return TrainingResult(output, history, calibration)
