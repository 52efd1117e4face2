"""The rounds of mining and training, and the folders that they fill."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Rounds"]


@dataclass(frozen=True)
class Rounds:
    """`count` rounds in the folder `output`: the first fills it as if it were alone, later ones a folder each."""

    output: Path
    count: int

    def folder(self, turn: int) -> Path:
        """Where a round, from 1, leaves its candidates and students."""
        return self.output if turn == 1 else self.output / f"round_{turn}"

    def title(self, name: str, turn: int) -> str:
        """`name`, and the round where there are several."""
        return name if self.count == 1 else f"{name}, round {turn}"
