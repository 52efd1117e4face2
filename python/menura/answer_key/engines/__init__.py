"""Who does the asking: this process, or many on a Ray cluster."""

from menura.answer_key.engines.local import LocalEngine
from menura.answer_key.engines.questions import Engine, Questions
from menura.answer_key.engines.ray import RayEngine

__all__ = ["Engine", "LocalEngine", "Questions", "RayEngine"]
