"""How a SPLADE student becomes sparse while it trains: penalties that grow, budgets that are held, alarms."""

from menura.training.sparsity.budget import TermBudget
from menura.training.sparsity.callbacks import sparsity_callbacks
from menura.training.sparsity.control import TermControl
from menura.training.sparsity.penalties import build_regularizers
from menura.training.sparsity.warmup import RegularizerWarmup
from menura.training.sparsity.watch import SparsityWatch

__all__ = [
    "RegularizerWarmup",
    "SparsityWatch",
    "TermBudget",
    "TermControl",
    "build_regularizers",
    "sparsity_callbacks",
]
