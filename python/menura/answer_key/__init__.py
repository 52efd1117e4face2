"""The answer key: a teacher's scores, asked for once."""

from menura.answer_key.annotate import AnnotationSummary, annotate, read_logits
from menura.answer_key.hashing import text_hash
from menura.answer_key.store import AnswerKey
from menura.answer_key.teacher import Teacher

__all__ = ["AnnotationSummary", "AnswerKey", "Teacher", "annotate", "read_logits", "text_hash"]
