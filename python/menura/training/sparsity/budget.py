"""Penalties that hold a budget of active terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, cast

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from menura.errors import MenuraError
from menura.losses import Regularizer, SpladeDistillationLoss
from menura.losses.gathering import mean_over_processes
from menura.losses.sparsity import Side
from menura.training.sparsity.control import TermControl

__all__ = ["TermBudget"]


class TermBudget(TrainerCallback, ExportableState):
    """Sets the shares of each side's regularizers so that its texts come to have as many active terms as `budgets` say.

    What is measured is averaged over the processes, so all of them have the same shares. The state of the controls
    travels in checkpoints.
    """

    def __init__(
        self,
        loss: SpladeDistillationLoss,
        regularizers: Sequence[Regularizer],
        budgets: Mapping[Side, int],
    ) -> None:
        self.controls = {side: TermControl(budget) for side, budget in budgets.items()}
        self._loss = loss
        self._regularizers = {
            side: [regularizer for regularizer in regularizers if regularizer.side == side] for side in budgets
        }
        self._names = {regularizer.name for regularizer in regularizers}

    def state(self) -> dict[str, Any]:
        """What the trainer writes into a checkpoint."""
        return {"args": {}, "attributes": {"controls": {side: asdict(c) for side, c in self.controls.items()}}}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        # The state of a checkpoint where there is one, else our own.
        stored = cast("dict[str, Any]", state.stateful_callbacks).get(type(self).__name__)
        if stored is None or stored["attributes"]["controls"].keys() != self.controls.keys():
            raise MenuraError(
                "[training] the checkpoint was written for budgets of other sides; remove all of them to start afresh."
            )
        for side, values in stored["attributes"]["controls"].items():
            self.controls[side] = replace(TermControl(**values), budget=self.controls[side].budget)
        self._set_shares()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if not self.controls:
            return
        loss = sum(value for name, value in self._loss.last_parts.items() if name not in self._names)
        measured = [torch.as_tensor(loss, dtype=torch.float64)]
        for side in self.controls:
            penalties = [regularizer.weight * regularizer.value for regularizer in self._regularizers[side]]
            measured += [self._loss.terms[side], torch.stack(penalties).sum()]
        device = self._loss.terms["document"].device
        values = mean_over_processes(torch.stack([value.double().to(device) for value in measured])).tolist()
        for number, control_of_side in enumerate(self.controls.values()):
            terms, penalty = values[1 + 2 * number : 3 + 2 * number]
            control_of_side.update(terms, values[0], penalty, steps=state.max_steps)
        self._set_shares()

    def _set_shares(self) -> None:
        for side, regularizers in self._regularizers.items():
            for regularizer in regularizers:
                regularizer.share = self.controls[side].share
