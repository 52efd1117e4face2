"""Finding the checkpoint to go on from."""

from __future__ import annotations

import json
import logging
import zipfile
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from transformers import TrainerState

from menura.errors import MenuraError

__all__ = ["latest_checkpoint", "restore_finished"]

logger = logging.getLogger(__name__)


def latest_checkpoint(folder: Path) -> Path | None:
    """The latest whole `checkpoint-STEP` under `folder`; None where there is none at all.

    One that was cut short while it was written is passed over with a warning.

    Raises:
        MenuraError: there are checkpoints, and none of them is whole.
    """
    checkpoints = sorted(folder.glob("checkpoint-*"), key=_step, reverse=True)
    for checkpoint in checkpoints:
        problem = _problem(checkpoint)
        if problem is None:
            return checkpoint
        logger.warning("%s is not whole (%s); trying the one before.", checkpoint, problem)
    if checkpoints:
        raise MenuraError(
            f"[training] no whole checkpoint among {len(checkpoints)} in {folder}; remove them to start afresh."
        )
    return None


def restore_finished(trainer: Any, checkpoint: Path | None) -> bool:
    """Whether `checkpoint` is of a training's last step; `trainer` then has what it had at its end.

    The library would go on from there with one step more.
    """
    if checkpoint is None:
        return False
    state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    if state.global_step < state.max_steps:
        return False
    trainer._load_from_checkpoint(str(checkpoint))
    trainer.state = state
    return True


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


def _problem(checkpoint: Path) -> str | None:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        weights = list(checkpoint.rglob("*.safetensors"))
        if not weights:
            return "no weights"
        for path in weights:
            with safe_open(path, framework="pt") as file:
                file.keys()
        states = [checkpoint / "optimizer.pt", checkpoint / "scheduler.pt", *checkpoint.glob("rng_state*.pth")]
        for path in states:
            if not zipfile.is_zipfile(path):
                return f"{path.name} is cut short or missing"
    except (OSError, ValueError, SafetensorError) as error:
        return str(error).splitlines()[0]
    return None
