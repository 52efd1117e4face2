"""What every section of a recipe is."""

from __future__ import annotations

import logging
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from menura.hardware import has_bf16

__all__ = ["Bf16", "Section", "check_field"]


logger = logging.getLogger(__name__)


def _settle(value: Any) -> Any:
    if value is True and not has_bf16():
        _say_bf16_is_slow()
    return has_bf16() if value == "auto" else value


@cache
def _say_bf16_is_slow() -> None:
    logger.warning("Nothing here multiplies bf16 numbers in hardware: bf16 may be far slower than float32; write auto.")


# ``auto``: where the hardware multiplies bf16 numbers; settled when a recipe is read, so that it tells what was done.
Bf16 = Annotated[bool, BeforeValidator(_settle)]


class Section(BaseModel):
    """Some keys with checked values: an unknown key is an error, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check_field(name: str, sides: tuple[str, ...] = ("query", "passage")) -> str:
    """`name`, if it names a field of queries or passages: ``query.site``.

    Raises:
        ValueError: it does not.
    """
    side, _, field = name.partition(".")
    if side not in sides or not field:
        raise ValueError(f"a field is called {' or '.join(f'{side}.NAME' for side in sides)}; got {name!r}")
    return name
