"""Searching, measuring, comparing, reporting."""

from menura.evaluation.metrics import measure
from menura.evaluation.report import Report, Row
from menura.evaluation.reranking import rerank
from menura.evaluation.search import Search, colbert_search, splade_search
from menura.evaluation.significance import paired_p_value

__all__ = ["Report", "Row", "Search", "colbert_search", "measure", "paired_p_value", "rerank", "splade_search"]
