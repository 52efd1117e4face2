"""The compiled CPU kernels, if this installation has them, and which of them run."""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

from menura.errors import MenuraError

__all__ = ["available_isas", "isa", "kernels"]

_extension: ModuleType | None
try:
    # After torch, so that the extension shares torch's OpenMP pool.
    _extension = importlib.import_module("menura._C")
except ImportError:
    _extension = None

kernels: Any = _extension


def isa() -> str:
    """The instruction set whose kernels run: ``scalar``, ``avx2``, ``avx512``, ``avx512_bf16``; ``none``
    without compiled kernels.

    The widest that the CPU has, or the one that the environment variable ``MENURA_ISA`` names.
    """
    return str(kernels.isa()) if kernels is not None else "none"


def available_isas() -> list[str]:
    """The instruction sets that this build holds kernels for and this CPU can run, narrowest first."""
    return list(kernels.available_isas()) if kernels is not None else []


def _apply_environment() -> None:
    wanted = os.environ.get("MENURA_ISA")
    if not wanted:
        return
    if kernels is None:
        raise MenuraError(f"[ops] MENURA_ISA={wanted} asks for compiled kernels, but this installation has none.")
    try:
        kernels.set_isa(wanted)
    except ValueError as error:
        raise MenuraError(f"[ops] MENURA_ISA: {error}") from error


_apply_environment()
