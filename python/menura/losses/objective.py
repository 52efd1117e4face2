"""One part of what a student is asked for."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from torch import Tensor, nn

from menura.losses.encoded import Encoded

__all__ = ["Objective"]

AnyEncoded = TypeVar("AnyEncoded", bound=Encoded, contravariant=True)


class Objective(nn.Module, Generic[AnyEncoded]):
    """A scalar for each encoded batch; what it asks for counts `weight` times beside the others.

    `name` is what logs and recipes call it; `needs_logits` says whether it compares the student with a teacher's
    logits. A module, so that an objective may learn parameters of its own.
    """

    needs_logits: ClassVar[bool] = False

    def __init__(self, name: str, *, weight: float = 1.0) -> None:
        super().__init__()
        self.name = name
        self.weight = weight

    def forward(self, encoded: AnyEncoded) -> Tensor:
        """The objective of one batch, not weighed yet."""
        raise NotImplementedError

    def get_config_dict(self) -> dict[str, Any]:
        """What the model card says of it."""
        return {"weight": self.weight}
