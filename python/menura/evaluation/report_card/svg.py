"""Pictures that live in a page: vector graphics whose fonts and colours are the page's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from markupsafe import Markup

__all__ = ["Plot", "Range", "ticks"]

Range = tuple[float, float]

WIDTH = 360
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 12, 38


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`, a step of 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


class Plot:
    """An area of data, 360 units wide, `height` high, with axes at its left and bottom.

    Elements carry classes, never colours; `description` is read out in place of the picture. A mark's `note` shows
    where a pointer rests on it.
    """

    def __init__(self, x: Range, y: Range, description: str, *, height: float = 220, left: float = LEFT) -> None:
        self._x, self._y = _widened(x), _widened(y)
        self._left, self._height = left, height
        self._root = ElementTree.Element(
            "svg", viewBox=f"0 0 {WIDTH} {height:g}", role="img", attrib={"aria-label": description}
        )

    def x(self, value: float) -> float:
        """Where `value` stands from the left."""
        low, high = self._x
        return self._left + (value - low) / (high - low) * (WIDTH - RIGHT - self._left)

    def y(self, value: float) -> float:
        """Where `value` stands from the top."""
        low, high = self._y
        return self._height - BOTTOM - (value - low) / (high - low) * (self._height - BOTTOM - TOP)

    def x_axis(self, title: str, form: Callable[[float], str] = "{:g}".format) -> None:
        """At the bottom, its ticks written in `form`."""
        for value in ticks(*self._x):
            at = self.x(value)
            self.line([(at, self._height - BOTTOM), (at, self._height - BOTTOM + 4)], "axis", placed=True)
            self.text(at, self._height - BOTTOM + 16, form(value), "tick middle")
        base = self._height - BOTTOM
        self.line([(self._left, base), (WIDTH - RIGHT, base)], "axis", placed=True)
        self.text((self._left + WIDTH - RIGHT) / 2, self._height - 4, title, "label middle")

    def y_axis(self, form: Callable[[float], str] = "{:g}".format) -> None:
        """At the left, a line across at each of its ticks."""
        for value in ticks(*self._y, count=4):
            at = self.y(value)
            self.line([(self._left, at), (WIDTH - RIGHT, at)], "grid", placed=True)
            self.text(self._left - 6, at + 4, form(value), "tick end")

    def line(self, points: Sequence[tuple[float, float]], style: str, *, placed: bool = False) -> None:
        """Through `points` in data, or in units if they are `placed` already."""
        self._add("polyline", style, points=self._points(points, placed))

    def area(self, points: Sequence[tuple[float, float]], style: str) -> None:
        """What `points` in data enclose."""
        self._add("polygon", style, points=self._points(points, False))

    def bar(self, x: Range, y: Range, style: str, note: str = "") -> None:
        """A rectangle in data."""
        left, right = sorted(map(self.x, x))
        top, bottom = sorted(map(self.y, y))
        self._add("rect", style, note, x=left, y=top, width=right - left, height=bottom - top)

    def dot(self, x: float, y: float, style: str, note: str = "", *, placed: bool = False) -> None:
        """A round mark at `x` and `y` in data, or in units if they are `placed` already."""
        across, down = (x, y) if placed else (self.x(x), self.y(y))
        self._add("circle", style, note, cx=across, cy=down, r=4.5)

    def square(self, x: float, y: float, style: str, note: str = "") -> None:
        """A square mark at `x` and `y` in data."""
        self._add("rect", style, note, x=self.x(x) - 4, y=self.y(y) - 4, width=8, height=8)

    def text(self, x: float, y: float, content: str, style: str) -> None:
        """`content` at `x` and `y` in units."""
        self._add("text", style, x=x, y=y).text = content

    def markup(self) -> Markup:
        """The picture, to be put into a page; foreign text in it is escaped."""
        return Markup(ElementTree.tostring(self._root, encoding="unicode", short_empty_elements=False))

    def _add(self, tag: str, style: str, note: str = "", **attributes: float | str) -> ElementTree.Element:
        written = {name: value if isinstance(value, str) else f"{value:.2f}" for name, value in attributes.items()}
        element = ElementTree.SubElement(self._root, tag, {"class": style, **written})
        if note:
            ElementTree.SubElement(element, "title").text = note
        return element

    def _points(self, points: Sequence[tuple[float, float]], placed: bool) -> str:
        units = points if placed else [(self.x(x), self.y(y)) for x, y in points]
        return " ".join(f"{x:.2f},{y:.2f}" for x, y in units)


def _widened(values: Range) -> Range:
    low, high = values
    return (low, high) if high > low else (low - 0.5, high + 0.5)
