"""Students: sentence-transformers models with our operators under them."""

from menura.students.acceleration import accelerate, restore
from menura.students.checkpoints import save_student
from menura.students.colbert import build_colbert, load_colbert
from menura.students.index import ColbertIndex, SpladeIndex
from menura.students.language_model import masked_language_model
from menura.students.lora import add_lora, has_lora, merge_lora, require_peft
from menura.students.search import Search, colbert_search, splade_search
from menura.students.splade import build_splade, load_splade, vocabulary_size

__all__ = [
    "ColbertIndex",
    "Search",
    "SpladeIndex",
    "accelerate",
    "add_lora",
    "build_colbert",
    "build_splade",
    "colbert_search",
    "has_lora",
    "load_colbert",
    "load_splade",
    "masked_language_model",
    "merge_lora",
    "require_peft",
    "restore",
    "save_student",
    "splade_search",
    "vocabulary_size",
]
