"""Objectives: what a student must reproduce of its teacher."""

from menura.losses.colbert import ColbertMarginMSELoss
from menura.losses.margin_mse import margin_mse
from menura.losses.pointwise_mse import Affine, pointwise_mse
from menura.losses.splade import SpladeScoreMSELoss

__all__ = ["Affine", "ColbertMarginMSELoss", "SpladeScoreMSELoss", "margin_mse", "pointwise_mse"]
