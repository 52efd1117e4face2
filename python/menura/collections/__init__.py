"""Corpora, queries and judgements: BEIR folders, hub data sets, docstrings."""

from menura.collections.beir import read_beir, write_beir
from menura.collections.collection import Collection, Qrels
from menura.collections.docstrings import docstring_collection
from menura.collections.hub import read_hub
from menura.collections.opening import open_collection
from menura.collections.runs import Run, top

__all__ = [
    "Collection",
    "Qrels",
    "Run",
    "docstring_collection",
    "open_collection",
    "read_beir",
    "read_hub",
    "top",
    "write_beir",
]
