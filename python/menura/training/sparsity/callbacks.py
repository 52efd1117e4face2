"""What happens between the steps of a SPLADE student's training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from transformers import TrainerCallback

from menura.losses import AntiZero, Regularizer, SpladeDistillationLoss
from menura.losses.sparsity import Side
from menura.recipe import SpladeSettings
from menura.training.sparsity.budget import TermBudget
from menura.training.sparsity.penalties import SIDES
from menura.training.sparsity.warmup import RegularizerWarmup
from menura.training.sparsity.watch import SparsityWatch

__all__ = ["sparsity_callbacks"]

# What dropout does to the counts is told from so many texts of each side: with 16 it would be wrong by 5 %, with these
# by half of it.
COMPARED = 64
# The tokens of so many documents are looked at; at the end the terms of all texts are counted.
LOOKED_INTO = 16


def sparsity_callbacks(
    settings: SpladeSettings,
    loss: SpladeDistillationLoss,
    regularizers: Sequence[Regularizer],
    *,
    vocabulary: int,
    texts: Mapping[Side, Sequence[str]],
) -> list[TrainerCallback]:
    """Those that set the regularizers' shares, a side's budget or else the warm-up, and one that watches.

    Args:
        vocabulary: the number of terms.
        texts: of each side.
    """
    budgets = {SIDES[side]: budget for side, budget in settings.budgets.items()}
    scheduled = [regularizer for regularizer in regularizers if not isinstance(regularizer, AntiZero)]
    growing = [regularizer for regularizer in scheduled if regularizer.side not in budgets]
    budget = TermBudget(loss, scheduled, budgets, {side: some[:COMPARED] for side, some in texts.items()})
    looked_into = texts["document"][:LOOKED_INTO]
    watch = SparsityWatch(
        loss, regularizers, budget.controls, vocabulary=vocabulary, documents=looked_into, counted=texts
    )
    return [RegularizerWarmup(growing, warmup=settings.regularizers.warmup), budget, watch]
