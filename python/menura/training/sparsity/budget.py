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
from menura.training.sparsity.served import served_ratios

__all__ = ["TermBudget"]

# So many times in a training it is looked at what dropout does to the counts.
LOOKS = 20


class TermBudget(TrainerCallback, ExportableState):
    """Sets the shares of each side's regularizers so that its texts come to have as many active terms as `budgets` say.

    A budget is one for the student in use, without the dropout under which a step counts: now and then `texts` tell how
    the two relate. What is measured is averaged over the processes, so all of them have the same shares. The state of
    the controls travels in checkpoints.

    Args:
        texts: some of each side.
    """

    def __init__(
        self,
        loss: SpladeDistillationLoss,
        regularizers: Sequence[Regularizer],
        budgets: Mapping[Side, int],
        texts: Mapping[Side, Sequence[str]],
    ) -> None:
        self.controls = {side: TermControl(budget) for side, budget in budgets.items()}
        self._loss = loss
        self._regularizers = {
            side: [regularizer for regularizer in regularizers if regularizer.side == side] for side in budgets
        }
        self._names = {regularizer.name for regularizer in regularizers}
        self._texts = {side: texts[side] for side in budgets}

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
        if (state.global_step - 1) % max(1, state.max_steps // LOOKS) == 0:
            for side, ratio in served_ratios(self._loss.model, self._texts).items():
                self.controls[side].served = ratio
        rates = kwargs["optimizer"].param_groups[0]
        response = rates["lr"] / rates["initial_lr"]
        loss, *measured = self._measure()
        for number, control_of_side in enumerate(self.controls.values()):
            terms, penalty = measured[2 * number : 2 * number + 2]
            control_of_side.update(terms, loss, penalty, steps=state.max_steps, response=response)
        self._set_shares()

    def _measure(self) -> list[float]:
        """What all other objectives added to the loss of this step; then the terms and the penalty of each side."""
        loss = sum(value for name, value in self._loss.last_parts.items() if name not in self._names)
        measured = [torch.as_tensor(loss, dtype=torch.float64)]
        for side in self.controls:
            penalties = [regularizer.weight * regularizer.value for regularizer in self._regularizers[side]]
            measured += [self._loss.terms[side], torch.stack(penalties).sum()]
        device = self._loss.terms["document"].device
        values: list[float] = mean_over_processes(torch.stack([each.double().to(device) for each in measured])).tolist()
        return values

    def _set_shares(self) -> None:
        for side, regularizers in self._regularizers.items():
            for regularizer in regularizers:
                regularizer.share = self.controls[side].share
