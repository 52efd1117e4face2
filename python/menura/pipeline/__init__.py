"""A recipe, step by step: corpus and queries, candidates, teachers, answer key, students, reports."""

from menura.pipeline.panel import Lesson, Panel
from menura.pipeline.pipeline import Pipeline
from menura.pipeline.student import Student

__all__ = ["Lesson", "Panel", "Pipeline", "Student"]
