"""Weights of objectives that change while a student is trained."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from menura.losses import DistillationLoss, LearnedWeight, ScheduledWeight, Weight
from menura.recipe import WeightSettings

__all__ = ["WeightSchedules", "build_weight"]


def build_weight(settings: WeightSettings) -> Weight:
    """A number, a schedule, or what is learned."""
    if settings.learned:
        return LearnedWeight()
    if settings.start is not None and settings.end is not None:
        return ScheduledWeight(settings.start, settings.end, settings.schedule, settings.stages)
    return 1.0 if settings.value is None else settings.value


class WeightSchedules(TrainerCallback):
    """Sets the scheduled weights of `loss`: at `from` in the first step, at `to` in the last.

    What they are follows from the step alone, so a resumed run goes on where it stopped. Logs all weights that change,
    under names that begin with `log_prefix`.
    """

    def __init__(self, loss: DistillationLoss, *, log_prefix: str = "") -> None:
        self._weights = {
            f"{log_prefix}{name}_weight": weight
            for name, weight in loss.weights.items()
            if isinstance(weight, ScheduledWeight | LearnedWeight)
        }

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        for weight in self._weights.values():
            if isinstance(weight, ScheduledWeight):
                weight.progress = state.global_step / max(1, state.max_steps - 1)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs is not None and "loss" in logs:
            seen = {name: weight.value for name, weight in self._weights.items()}
            logs.update(seen)
            # The history has taken its copy of the entry by now.
            state.log_history[-1].update(seen)
