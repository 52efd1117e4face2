"""Objectives: what a student must reproduce of its teacher.

`encoded` is what a student has made of a batch; `scores` and `sparsity` hold the objectives that look at it; a
student's loss encodes the batch and adds its objectives up. `mutual` is what two students learn from each other.
"""

from menura.losses.affine import Affine
from menura.losses.colbert import ColbertDistillationLoss
from menura.losses.distillation import DistillationLoss
from menura.losses.joint import JointDistillationLoss
from menura.losses.mutual import MutualLearning, mutual_kl
from menura.losses.objective import Objective
from menura.losses.scores import MarginMSE, PointwiseMSE, margin_mse, pointwise_mse
from menura.losses.sparsity import Flops, Regularizer
from menura.losses.splade import SpladeDistillationLoss

__all__ = [
    "Affine",
    "ColbertDistillationLoss",
    "DistillationLoss",
    "Flops",
    "JointDistillationLoss",
    "MarginMSE",
    "MutualLearning",
    "Objective",
    "PointwiseMSE",
    "Regularizer",
    "SpladeDistillationLoss",
    "margin_mse",
    "mutual_kl",
    "pointwise_mse",
]
