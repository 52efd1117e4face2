"""What a view has learnt."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from menura.answer_key.views.maps import Linear, ScoreMap
from menura.files import write_json

__all__ = ["Fit", "write_fit"]


@dataclass(frozen=True)
class Fit:
    """What a view learnt from the training pairs, so that it treats every later pair in the same way.

    Args:
        scales: by teacher, the map of its logits; empty where a scale needs no fitting.
        weights: by teacher, what it counts; empty under a route.
        rescale: the last map, of combined scores.
        standards: by teacher, the map of its scaled scores to mean 0 and standard deviation 1, to compare teachers.
        deviation: the standard deviation of the view's scores.
    """

    scales: dict[str, ScoreMap] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    rescale: Linear | None = None
    standards: dict[str, Linear] = field(default_factory=dict)
    deviation: float = 0.0


def write_fit(fit: Fit, path: Path) -> None:
    """Write what was fitted as JSON, for a person to read.

    Raises:
        MenuraError: the place cannot be written.
    """
    write_json(path, asdict(fit))
