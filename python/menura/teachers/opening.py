"""From a recipe's `teacher` section to a teacher that can be asked."""

from __future__ import annotations

from menura.hardware import own_gpu
from menura.recipe import TeacherSettings
from menura.teachers.causal_lm import CausalLmTeacher
from menura.teachers.cross_encoder import CrossEncoderTeacher
from menura.teachers.dual_encoder import DualEncoderTeacher
from menura.teachers.function import FunctionTeacher
from menura.teachers.imported import ImportedTeacher
from menura.teachers.retriever import RetrieverTeacher

__all__ = ["AnyTeacher", "load_teacher"]

AnyTeacher = (
    CrossEncoderTeacher | CausalLmTeacher | RetrieverTeacher | DualEncoderTeacher | FunctionTeacher | ImportedTeacher
)


def load_teacher(settings: TeacherSettings) -> AnyTeacher:
    """The teacher of `settings`, as it is before `finetune`, on this process's GPU if there is one.

    A function, a language model, a retriever, a dual encoder, else a cross-encoder. Whose scores were `imported` is no
    teacher to load; it is known by an answer key.

    Raises:
        MenuraError: it cannot be loaded, or does not fit its settings.
    """
    if settings.function is not None:
        return FunctionTeacher.load(**settings.function.model_dump())
    if settings.dual_encoder is not None:
        encoder = settings.dual_encoder.model_dump()
        return DualEncoderTeacher.load(settings.source, bf16=settings.bf16, device=own_gpu(), **encoder)
    options = {**settings.model_dump(include={"max_length", "batch_tokens", "bf16"}), "device": own_gpu()}
    if settings.causal_lm is not None:
        return CausalLmTeacher.load(settings.source, **settings.causal_lm.model_dump(), **options)
    if settings.retriever is not None:
        return RetrieverTeacher.load(settings.source, kind=settings.retriever, **options)
    return CrossEncoderTeacher.load(settings.source, **options)
