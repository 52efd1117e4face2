"""A training from its first step, or from a checkpoint, to its last."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from menura.errors import MenuraError
from menura.files import write_json
from menura.trainer.checkpoint import latest_checkpoint, restore_finished
from menura.trainer.modules import plain_attention
from menura.trainer.progress import show_progress
from menura.weights import CHECKPOINTS

__all__ = ["open_output", "run"]


def open_output(output: Path) -> Path | None:
    """Make the folder of a training ready, and return the checkpoint in it to go on from.

    Raises:
        MenuraError: it cannot be written, which is found out before anything is trained, or holds only broken
            checkpoints.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise MenuraError(f"[training] cannot write {output}: {error.strerror}; choose another folder.") from error
    return latest_checkpoint(output / CHECKPOINTS)


def run(trainer: Any, description: str, output: Path, checkpoint: Path | None) -> list[dict[str, Any]]:
    """Train, from `checkpoint` on, and write the log entries, which are returned, to ``output/history.json``.

    Raises:
        MenuraError: `output` cannot be written, or there is not one batch for each process.
    """
    if trainer.args.bf16:
        plain_attention(trainer.model)
    show_progress(trainer, description)
    try:
        if not restore_finished(trainer, checkpoint):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except OSError as error:
        raise MenuraError(f"[training] cannot write {output}: {error.strerror or error}.") from error
    if not trainer.state.global_step:
        arguments = trainer.args
        raise MenuraError(
            f"[training] {len(trainer.train_dataset):,} rows make no step of {arguments.world_size} x "
            f"{arguments.per_device_train_batch_size} rows; take smaller batches."
        )
    history: list[dict[str, Any]] = trainer.state.log_history
    if trainer.is_world_process_zero():
        write_json(output / "history.json", history)
    return history
