"""From a recipe's `teacher` section to a teacher that can be asked."""

from __future__ import annotations

from menura.recipe import TeacherSettings
from menura.teachers.causal_lm import CausalLmTeacher
from menura.teachers.cross_encoder import CrossEncoderTeacher
from menura.teachers.function import FunctionTeacher
from menura.teachers.imported import ImportedTeacher

__all__ = ["AnyTeacher", "load_teacher"]

AnyTeacher = CrossEncoderTeacher | CausalLmTeacher | FunctionTeacher | ImportedTeacher


def load_teacher(settings: TeacherSettings) -> AnyTeacher:
    """The teacher of `settings`: a function, a language model, else a cross-encoder, as it is before `finetune`.

    Whose scores were `imported` is no teacher to load; it is known by an answer key.

    Raises:
        MenuraError: it cannot be loaded, or does not fit its settings.
    """
    if settings.function is not None:
        return FunctionTeacher.load(settings.function.name, version=settings.function.version)
    options = settings.model_dump(include={"max_length", "batch_tokens", "bf16"})
    if settings.causal_lm is not None:
        return CausalLmTeacher.load(settings.source, **settings.causal_lm.model_dump(), **options)
    return CrossEncoderTeacher.load(settings.source, **options)
