"""A recipe, step by step: corpus and queries, candidates, teachers, answer key, students, reports."""

from menura.pipeline.evaluating import evaluate
from menura.pipeline.panel import Lesson, Panel
from menura.pipeline.pipeline import Pipeline
from menura.pipeline.student import Student
from menura.pipeline.teacher_cards import teacher_cards

__all__ = ["Lesson", "Panel", "Pipeline", "Student", "evaluate", "teacher_cards"]
