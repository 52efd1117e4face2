"""Who answers: cross-encoders, taken as they are or fine-tuned."""

from menura.teachers.cross_encoder import CrossEncoderTeacher
from menura.teachers.faculty import Faculty
from menura.teachers.finetuning import finetune
from menura.teachers.fingerprint import Fingerprint
from menura.teachers.token_matching import TokenMatching

__all__ = ["CrossEncoderTeacher", "Faculty", "Fingerprint", "TokenMatching", "finetune"]
