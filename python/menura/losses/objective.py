"""One part of what a student is asked for."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from torch import Tensor, nn

from menura.losses.encoded import Encoded
from menura.losses.weighing import LearnedWeight, ScheduledWeight, Weight

__all__ = ["Objective"]

AnyEncoded = TypeVar("AnyEncoded", bound=Encoded, contravariant=True)


class Objective(nn.Module, Generic[AnyEncoded]):
    """A scalar for each encoded batch; what it asks for counts `weight` times beside the others: a number,
    or a weight that a schedule sets or that is learned (`menura.losses.weighing`).

    `name` is what logs and recipes call it; `needs_logits` says whether it compares the student with a teacher's
    logits, `encodes_again` whether it sends texts through the student once more. A module, so that an objective may
    learn parameters of its own.
    """

    needs_logits: ClassVar[bool] = False
    encodes_again: ClassVar[bool] = False

    def __init__(self, name: str, *, weight: Weight = 1.0) -> None:
        super().__init__()
        self.name = name
        self.weight = weight

    def forward(self, encoded: AnyEncoded) -> Tensor:
        """The objective of one batch, not weighed yet."""
        raise NotImplementedError

    def weigh(self, value: Tensor) -> Tensor:
        """What `value`, the objective of one batch, adds to the loss."""
        if isinstance(self.weight, ScheduledWeight | LearnedWeight):
            return self.weight(value)
        return self.weight * value

    def get_config_dict(self) -> dict[str, Any]:
        """What the model card says of it."""
        return {"weight": self.weight if isinstance(self.weight, int | float) else str(self.weight)}
