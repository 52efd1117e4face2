"""The answer key while students train: what it knows is read, the rest is asked for as it is needed, or ahead of it."""

from menura.answer_key.live.asking import Asking
from menura.answer_key.live.journal import Journal, settle
from menura.answer_key.live.respondent import Respondent
from menura.answer_key.live.scores import LiveScores
from menura.answer_key.live.view import LiveView

__all__ = ["Asking", "Journal", "LiveScores", "LiveView", "Respondent", "settle"]
