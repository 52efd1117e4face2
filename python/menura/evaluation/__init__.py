"""Searching, measuring, comparing, reporting."""

from menura.evaluation.metrics import METRICS, Scores, measure
from menura.evaluation.report import Report, Row
from menura.evaluation.reranking import rerank
from menura.evaluation.search import Search, colbert_search, splade_search
from menura.evaluation.significance import Comparison, compare

__all__ = [
    "METRICS",
    "Comparison",
    "Report",
    "Row",
    "Scores",
    "Search",
    "colbert_search",
    "compare",
    "measure",
    "rerank",
    "splade_search",
]
