"""What keeps vocabulary vectors sparse."""

from menura.losses.sparsity.anti_zero import AntiZero, anti_zero
from menura.losses.sparsity.df_flops import DocumentFrequencyFlops
from menura.losses.sparsity.flops import Estimator, Flops
from menura.losses.sparsity.l1 import L1, l1
from menura.losses.sparsity.regularizer import Reduction, Regularizer, Side
from menura.losses.sparsity.rows import active_terms

__all__ = [
    "L1",
    "AntiZero",
    "DocumentFrequencyFlops",
    "Estimator",
    "Flops",
    "Reduction",
    "Regularizer",
    "Side",
    "active_terms",
    "anti_zero",
    "l1",
]
