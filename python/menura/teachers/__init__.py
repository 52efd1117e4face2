"""Who answers: cross-encoders, as they are or fine-tuned; language models that say yes or no; retrievers; dual encoders
that see images; functions; imported scores."""

from menura.teachers.causal_lm import CausalLmTeacher
from menura.teachers.cross_encoder import CrossEncoderTeacher
from menura.teachers.dual_encoder import DualEncoderTeacher
from menura.teachers.faculty import Faculty
from menura.teachers.finetuning import finetune
from menura.teachers.fingerprint import Fingerprint
from menura.teachers.function import FunctionTeacher
from menura.teachers.imported import ImportedFingerprint, ImportedTeacher
from menura.teachers.opening import AnyTeacher, load_teacher
from menura.teachers.prompt import Prompt
from menura.teachers.retriever import RetrieverTeacher
from menura.teachers.token_matching import TokenMatching

__all__ = [
    "AnyTeacher",
    "CausalLmTeacher",
    "CrossEncoderTeacher",
    "DualEncoderTeacher",
    "Faculty",
    "Fingerprint",
    "FunctionTeacher",
    "ImportedFingerprint",
    "ImportedTeacher",
    "Prompt",
    "RetrieverTeacher",
    "TokenMatching",
    "finetune",
    "load_teacher",
]
