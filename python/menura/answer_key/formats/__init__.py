"""Other people's files of teacher scores and training lists: read as records, and written from them."""

from menura.answer_key.formats.judged import Judged
from menura.answer_key.formats.registry import FORMATS, Format, format_named
from menura.answer_key.formats.scale import ScoreScale
from menura.answer_key.formats.texts import Texts

__all__ = ["FORMATS", "Format", "Judged", "ScoreScale", "Texts", "format_named"]
