"""Active terms and penalties in the logs, and alarms when sparsity goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from accelerate.utils import extract_model_from_parallel
from sentence_transformers import SparseEncoder
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from menura.losses import Regularizer, SpladeDistillationLoss
from menura.losses.gathering import mean_over_processes
from menura.losses.sparsity import Side
from menura.training.sparsity.control import TermControl
from menura.training.sparsity.positions import dominant_token
from menura.training.sparsity.served import served_terms

__all__ = ["SparsityWatch"]

logger = logging.getLogger(__name__)

PLURALS: dict[Side, str] = {"query": "queries", "document": "documents"}
OTHER: dict[Side, Side] = {"query": "document", "document": "query"}
# Fewer active terms a text are a collapse.
COLLAPSED = 1.0
# More of the vocabulary, when this part of the training is over, is a blow-up: it may start there.
DENSE, SETTLED = 0.5, 0.5
# One token that gives more of a text's terms is a sink.
SINK = 0.5
# A budget is held where the count is no further from it.
TOLERANCE = 0.1


class SparsityWatch(TrainerCallback):
    """Logs the active terms of both sides and the weight of every regularizer; warns once of each thing that is wrong.

    Alarms: texts have hardly a term left; most of the vocabulary is active; one token, such as the first, wins most
    terms of a text; a budget was not reached, or passed on the way to the other side's. The last entry of the log
    history lists them under ``alarms``.

    Args:
        vocabulary: the number of terms.
        controls: those of the term budgets, by side.
        documents: some, in which tokens are looked at now and then.
        counted: texts of each side, whose terms are counted at the end.
    """

    def __init__(
        self,
        loss: SpladeDistillationLoss,
        regularizers: Sequence[Regularizer],
        controls: Mapping[Side, TermControl],
        *,
        vocabulary: int,
        documents: Sequence[str],
        counted: Mapping[Side, Sequence[str]],
    ) -> None:
        self._loss = loss
        self._regularizers = regularizers
        self._controls = controls
        self._vocabulary = vocabulary
        self._documents = documents
        self._counted = counted
        self._alarms: dict[str, str] = {}

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs is None or "loss" not in logs:
            return
        terms = dict(zip(PLURALS, _mean([self._loss.terms[side] for side in PLURALS]), strict=True))
        seen: dict[str, Any] = {f"{side}_terms": count for side, count in terms.items()}
        seen |= {f"{item.name}_weight": item.weight * item.share for item in self._regularizers}
        logs.update(seen)
        # The history has taken its copy of the entry by now.
        state.log_history[-1].update(seen)
        self._raise(self._wrong_counts(terms, state), state)
        self._raise(self._sinks(), state)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._raise(self._missed_budgets(), state)
        last: dict[str, Any] = {"alarms": list(self._alarms.values()), "step": state.global_step}
        state.log_history.append(last)

    def _wrong_counts(self, terms: Mapping[Side, float], state: TrainerState) -> Iterator[tuple[str, str]]:
        for side, count in terms.items():
            if count < COLLAPSED:
                advice = "weaken its penalties, or let them grow more slowly"
                yield f"{side} collapse", f"{PLURALS[side]} have {count:.1f} active terms on average; {advice}"
            elif count > DENSE * self._vocabulary and state.global_step >= SETTLED * state.max_steps:
                advice = "strengthen its penalties, or train for longer"
                yield (
                    f"{side} blow-up",
                    f"{PLURALS[side]} have {count:.0f} of {self._vocabulary} terms active; {advice}",
                )

    def _sinks(self) -> Iterator[tuple[str, str]]:
        dominant = dominant_token(cast(SparseEncoder, extract_model_from_parallel(self._loss.model)), self._documents)
        if dominant is not None and dominant[0] > SINK:
            share, token = dominant
            advice = "keep that token out of the texts or out of their mask"
            yield "sink", f"one token, {token}, wins {share:.0%} of a document's active terms; {advice}"

    def _missed_budgets(self) -> Iterator[tuple[str, str]]:
        if not self._controls:
            return
        texts = {side: self._counted[side] for side in self._controls}
        for side, terms in served_terms(self._loss.model, texts).items():
            control = self._controls[side]
            over = terms / control.budget - 1
            if over > TOLERANCE or (over < -TOLERANCE and control.share > 0):
                advice = "train for longer"
            elif over < -TOLERANCE and control.begun_above and self._is_penalised(OTHER[side]):
                # One encoder serves both sides.
                advice = f"what takes terms from {PLURALS[OTHER[side]]} may take theirs too: give those more"
            else:
                continue
            message = f"{PLURALS[side]} have {terms:.0f} active terms, and their budget is {control.budget}; {advice}"
            yield f"{side} budget", message

    def _is_penalised(self, side: Side) -> bool:
        return side in self._controls and self._controls[side].share > 0

    def _raise(self, alarms: Iterator[tuple[str, str]], state: TrainerState) -> None:
        for kind, message in alarms:
            if kind not in self._alarms and state.is_world_process_zero:
                logger.warning("Step %d: %s.", state.global_step, message)
            self._alarms.setdefault(kind, message)


def _mean(values: list[torch.Tensor]) -> list[float]:
    means: list[float] = mean_over_processes(torch.stack(values)).tolist()
    return means
