"""Students: sentence-transformers models with our operators under them."""

from menura.students.acceleration import accelerate, restore
from menura.students.checkpoints import save_student
from menura.students.colbert import build_colbert
from menura.students.splade import build_splade

__all__ = ["accelerate", "build_colbert", "build_splade", "restore", "save_student"]
