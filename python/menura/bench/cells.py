"""How numbers are written in tables."""

from __future__ import annotations

__all__ = ["NOTHING", "interval", "number", "percent", "scientific", "whole"]

NOTHING = "–"  # noqa: RUF001


def number(value: float | None, digits: int = 3) -> str:
    """With so many significant digits, never with an exponent."""
    return NOTHING if value is None else f"{float(f'{value:.{digits}g}'):,.10g}"


def interval(low: float | None, high: float | None) -> str:
    """Two numbers, low to high."""
    return NOTHING if low is None or high is None else f"{number(low)} – {number(high)}"  # noqa: RUF001


def percent(fraction: float | None) -> str:
    """A fraction of one."""
    return NOTHING if fraction is None else f"{fraction:.0%}"


def whole(value: float | None) -> str:
    """Without decimals."""
    return NOTHING if value is None else f"{value:,.0f}"


def scientific(value: float | None) -> str:
    """Its order of magnitude."""
    return NOTHING if value is None else f"{value:.0e}"
