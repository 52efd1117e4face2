"""Objectives: what a student must reproduce of its teacher.

`encoded` is what a student has made of a batch; `scores`, `representations`, `sparsity` and `texts` hold the objectives
that look at it, `weighing` says how much each counts; a student's loss encodes the batch and adds its objectives up.
`mutual` is what two students learn from each other.
"""

from menura.losses.affine import Affine
from menura.losses.colbert import ColbertDistillationLoss
from menura.losses.distillation import DistillationLoss
from menura.losses.joint import JointDistillationLoss
from menura.losses.mutual import MutualLearning, mutual_kl
from menura.losses.objective import Objective
from menura.losses.representations import (
    Alignment,
    HiddenStateDistance,
    Mentor,
    MentorScores,
    TokenEmbeddings,
    VocabularyVectors,
    alignment_distance,
    token_distance,
    vocabulary_distance,
)
from menura.losses.scores import (
    ConstantMargin,
    Contrastive,
    KLDivergence,
    MarginMSE,
    PointwiseMSE,
    RankNet,
    constant_margin,
    contrastive,
    kl_divergence,
    margin_mse,
    pointwise_mse,
    ranknet,
)
from menura.losses.sparsity import L1, AntiZero, DocumentFrequencyFlops, Flops, Regularizer, anti_zero, l1
from menura.losses.splade import SpladeDistillationLoss
from menura.losses.texts import MaskedWords, SimCSE, mask_words, sim_cse
from menura.losses.weighing import LearnedWeight, ScheduledWeight, Weight

__all__ = [
    "L1",
    "Affine",
    "Alignment",
    "AntiZero",
    "ColbertDistillationLoss",
    "ConstantMargin",
    "Contrastive",
    "DistillationLoss",
    "DocumentFrequencyFlops",
    "Flops",
    "HiddenStateDistance",
    "JointDistillationLoss",
    "KLDivergence",
    "LearnedWeight",
    "MarginMSE",
    "MaskedWords",
    "Mentor",
    "MentorScores",
    "MutualLearning",
    "Objective",
    "PointwiseMSE",
    "RankNet",
    "Regularizer",
    "ScheduledWeight",
    "SimCSE",
    "SpladeDistillationLoss",
    "TokenEmbeddings",
    "VocabularyVectors",
    "Weight",
    "alignment_distance",
    "anti_zero",
    "constant_margin",
    "contrastive",
    "kl_divergence",
    "l1",
    "margin_mse",
    "mask_words",
    "mutual_kl",
    "pointwise_mse",
    "ranknet",
    "sim_cse",
    "token_distance",
    "vocabulary_distance",
]
