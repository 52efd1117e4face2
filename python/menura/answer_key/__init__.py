"""The answer key: a teacher's scores, asked for once."""

from menura.answer_key.annotate import AnnotationSummary, annotate
from menura.answer_key.engines import Engine, LocalEngine, RayEngine
from menura.answer_key.exporting import export_scores
from menura.answer_key.hashing import hash_texts, text_hash
from menura.answer_key.imported import find_imported
from menura.answer_key.importing import ImportSummary, import_scores
from menura.answer_key.pairs import Pairs
from menura.answer_key.reading import are_scored, other_logits, read_logits
from menura.answer_key.share import Share
from menura.answer_key.store import AnswerKey
from menura.answer_key.teacher import Teacher
from menura.answer_key.wanted import WantedPairs

__all__ = [
    "AnnotationSummary",
    "AnswerKey",
    "Engine",
    "ImportSummary",
    "LocalEngine",
    "Pairs",
    "RayEngine",
    "Share",
    "Teacher",
    "WantedPairs",
    "annotate",
    "are_scored",
    "export_scores",
    "find_imported",
    "hash_texts",
    "import_scores",
    "other_logits",
    "read_logits",
    "text_hash",
]
