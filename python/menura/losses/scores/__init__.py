"""Objectives on the scores of a query's passages, for either student."""

from menura.losses.scores.constant_margin import ConstantMargin, constant_margin
from menura.losses.scores.contrastive import Contrastive, contrastive
from menura.losses.scores.kl_divergence import KLDivergence, kl_divergence
from menura.losses.scores.margin_mse import MarginMSE, margin_mse
from menura.losses.scores.normalization import Normalization
from menura.losses.scores.pairs import Pairs
from menura.losses.scores.pointwise_mse import PointwiseMSE, pointwise_mse
from menura.losses.scores.ranknet import RankNet, ranknet

__all__ = [
    "ConstantMargin",
    "Contrastive",
    "KLDivergence",
    "MarginMSE",
    "Normalization",
    "Pairs",
    "PointwiseMSE",
    "RankNet",
    "constant_margin",
    "contrastive",
    "kl_divergence",
    "margin_mse",
    "pointwise_mse",
    "ranknet",
]
