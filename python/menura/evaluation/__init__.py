"""Measuring, comparing, reporting."""

from menura.evaluation.metrics import METRICS, Scores, measure
from menura.evaluation.report import Report, Row
from menura.evaluation.reranking import rerank
from menura.evaluation.significance import Comparison, compare

__all__ = [
    "METRICS",
    "Comparison",
    "Report",
    "Row",
    "Scores",
    "compare",
    "measure",
    "rerank",
]
