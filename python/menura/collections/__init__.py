"""Corpora, queries and judgements: folders of several layouts, hub data sets, ir_datasets, docstrings."""

from menura.collections.beir import read_beir, write_beir
from menura.collections.collection import Collection, Fields, Qrels
from menura.collections.docstrings import docstring_collection, illustrated_docstrings
from menura.collections.hub import read_hub
from menura.collections.images import Image
from menura.collections.ir_dataset import read_ir_dataset
from menura.collections.msmarco import read_msmarco
from menura.collections.opening import open_collection, read_collection
from menura.collections.passage import IllustratedPassage, Passage, text_of
from menura.collections.runs import Run, RunningTop, as_run, top
from menura.collections.three_tables import read_three_tables
from menura.collections.trec import read_trec_qrels, write_trec_qrels

__all__ = [
    "Collection",
    "Fields",
    "IllustratedPassage",
    "Image",
    "Passage",
    "Qrels",
    "Run",
    "RunningTop",
    "as_run",
    "docstring_collection",
    "illustrated_docstrings",
    "open_collection",
    "read_beir",
    "read_collection",
    "read_hub",
    "read_ir_dataset",
    "read_msmarco",
    "read_three_tables",
    "read_trec_qrels",
    "text_of",
    "top",
    "write_beir",
    "write_trec_qrels",
]
