"""The answer key: a teacher's scores, asked for once."""

from menura.answer_key.annotate import AnnotationSummary, Teacher, annotate, read_logits
from menura.answer_key.store import AnswerKey, text_hash

__all__ = ["AnnotationSummary", "AnswerKey", "Teacher", "annotate", "read_logits", "text_hash"]
