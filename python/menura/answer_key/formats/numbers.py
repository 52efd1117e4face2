"""Numbers in text files."""

from __future__ import annotations

from menura.errors import MenuraError

__all__ = ["number"]


def number(field: str, place: str) -> float:
    """The number that `field` spells.

    Raises:
        MenuraError: it spells none.
    """
    try:
        return float(field)
    except ValueError:
        raise MenuraError(f"[formats] {place}: expected a score; got {field!r}.") from None
