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
        texts: some of each side, to look into and to count terms of.
    """
    budgets = {SIDES[side]: budget for side, budget in settings.budgets.items()}
    scheduled = [regularizer for regularizer in regularizers if not isinstance(regularizer, AntiZero)]
    growing = [regularizer for regularizer in scheduled if regularizer.side not in budgets]
    budget = TermBudget(loss, scheduled, budgets, texts)
    watch = SparsityWatch(loss, regularizers, budget.controls, vocabulary=vocabulary, texts=texts)
    return [RegularizerWarmup(growing, warmup=settings.regularizers.warmup), budget, watch]
