"""What keeps vocabulary vectors sparse."""

from menura.losses.sparsity.flops import Flops
from menura.losses.sparsity.regularizer import Regularizer, Side

__all__ = ["Flops", "Regularizer", "Side"]
