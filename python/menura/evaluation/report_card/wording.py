"""Figures in words."""

from __future__ import annotations

from menura.evaluation.report_card.estimates import Estimate

__all__ = ["count", "interval", "share"]


def interval(estimate: Estimate | None, form: str = "{:.3f}") -> str:
    """A figure and, in brackets, its 95 % interval."""
    if estimate is None:
        return "not defined"
    figure = form.format(estimate.value)
    if estimate.low is None or estimate.high is None:
        return figure
    return f"{figure} [{form.format(estimate.low)}, {form.format(estimate.high)}]"


def count(number: int, one: str, many: str) -> str:
    """`number` and its noun."""
    return f"{number:,} {one if number == 1 else many}"


def share(value: float) -> str:
    """A whole percentage that says all or nothing only where it is so."""
    if 0.995 <= value < 1:
        return "over 99%"
    return "under 1%" if 0 < value < 0.005 else f"{value:.0%}"
