"""The teacher's report card: how far can it be trusted, before students copy it?"""

from menura.evaluation.report_card.card import TeacherCard, grade_teacher
from menura.evaluation.report_card.judged import Judged, passages_to_judge
from menura.evaluation.report_card.writing import summary, write_card

__all__ = ["Judged", "TeacherCard", "grade_teacher", "passages_to_judge", "summary", "write_card"]
