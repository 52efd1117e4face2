"""What all objectives have in common that look at a mentor."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from menura.losses.encoded import Encoded
from menura.losses.objective import Objective

__all__ = ["Mentored"]

AnyEncoded = TypeVar("AnyEncoded", bound=Encoded)


class Mentored(Objective[AnyEncoded]):
    """An objective on a batch and on what the mentor makes of it; the loss needs a `Mentor`.

    `layers` and `mentor_layers` are those whose hidden states it looks at.
    """

    layers: Collection[int] = ()
    mentor_layers: Collection[int] = ()

    def mentor_of(self, encoded: AnyEncoded) -> AnyEncoded:
        """The batch as the mentor sees it.

        Raises:
            ValueError: there is none.
        """
        if encoded.mentor is None:
            raise ValueError(f"[{self.name}] the loss has no mentor; give it one.")
        return encoded.mentor
