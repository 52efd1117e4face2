"""What the trainers of teachers and students need to know."""

from __future__ import annotations

from pydantic import Field

from menura.recipe.precision import Bf16
from menura.recipe.section import Section

__all__ = ["NOT_LEARNED", "TrainerSettings"]

# What no weight depends on, and the seed, which may be the recipe's.
NOT_LEARNED = {"logging_steps", "save_steps", "seed"}


class TrainerSettings(Section):
    """What the sentence-transformers trainer needs to know. `seed` None: the recipe's.

    With `accumulation` a step has so many times `batch_size` rows, of which `batch_size` are held at a time; the
    gradient is that of the whole batch. `gradient_checkpointing` computes layers twice instead of keeping them.
    """

    epochs: float = Field(default=1.0, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=2e-5, gt=0)
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    accumulation: int = Field(default=1, ge=1)
    bf16: Bf16 = False
    gradient_checkpointing: bool = False
    logging_steps: int = Field(default=10, ge=1)
    save_steps: int | None = Field(default=None, ge=1)
    seed: int | None = None

    def seed_or(self, default: int) -> int:
        """Its own seed, else `default`."""
        return default if self.seed is None else self.seed
