"""What happens between the steps of a SPLADE student's training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from menura.losses import Regularizer, SpladeDistillationLoss

__all__ = ["RegularizerWarmup"]


class RegularizerWarmup(TrainerCallback):
    """Grows regularizers quadratically from zero over the first `warmup` share of all steps.

    The share follows from the step alone, so a resumed run goes on where it stopped. Logs the share and the active
    terms per query and document.
    """

    def __init__(self, loss: SpladeDistillationLoss, regularizers: Sequence[Regularizer], *, warmup: float) -> None:
        self._loss = loss
        self._regularizers = regularizers
        self._warmup = warmup
        self._share = 0.0

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        steps = self._warmup * state.max_steps
        self._share = min(1.0, state.global_step / steps) ** 2 if steps > 0 else 1.0
        for regularizer in self._regularizers:
            regularizer.share = self._share

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs is not None and "loss" in logs:
            seen = {**self._loss.terms, "regularizer_share": self._share}
            logs.update(seen)
            # The history has taken its copy of the entry by now.
            state.log_history[-1].update(seen)
