"""Trainings that stop early, as if somebody had ended them between two steps."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from transformers import TrainerCallback

from menura.trainer import running


class StopAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop = state.global_step >= self.step


@contextmanager
def stopped_at(step):
    """Trainings that begin in the block end after `step`."""
    show_progress = running.show_progress

    def show_and_stop(trainer, description):
        show_progress(trainer, description)
        trainer.add_callback(StopAt(step))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(running, "show_progress", show_and_stop)
        yield
