"""In which precision models compute."""

from __future__ import annotations

import logging
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator

from menura.hardware import has_bf16

__all__ = ["Bf16"]

logger = logging.getLogger(__name__)


def _settle(value: Any) -> Any:
    if value is True and not has_bf16():
        _say_bf16_may_be_slow()
    return has_bf16() if value == "auto" else value


@cache
def _say_bf16_may_be_slow() -> None:
    logger.warning(
        "bf16 is not known to be in this hardware, and may be far slower than float32; auto takes float32 here."
    )


# ``auto``: where the hardware multiplies bf16 numbers; settled when a recipe is read, so that it tells what was done.
Bf16 = Annotated[bool, BeforeValidator(_settle)]
