"""Objectives on the scores of a query's passages, for either student."""

from menura.losses.scores.margin_mse import MarginMSE, Pairs, margin_mse
from menura.losses.scores.pointwise_mse import PointwiseMSE, pointwise_mse

__all__ = ["MarginMSE", "Pairs", "PointwiseMSE", "margin_mse", "pointwise_mse"]
