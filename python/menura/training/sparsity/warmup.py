"""Penalties that grow from zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from menura.losses import Regularizer

__all__ = ["RegularizerWarmup"]


class RegularizerWarmup(TrainerCallback):
    """Grows regularizers quadratically from zero over the first `warmup` share of all steps.

    The share follows from the step alone, so a resumed run goes on where it stopped.
    """

    def __init__(self, regularizers: Sequence[Regularizer], *, warmup: float) -> None:
        self._regularizers = regularizers
        self._warmup = warmup

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        steps = self._warmup * state.max_steps
        share = min(1.0, state.global_step / steps) ** 2 if steps > 0 else 1.0
        for regularizer in self._regularizers:
            regularizer.share = share
