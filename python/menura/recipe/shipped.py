"""The recipes that come with the package."""

from __future__ import annotations

from importlib import resources
from itertools import takewhile

__all__ = ["shipped_recipe", "shipped_recipes"]

ENDING = ".yaml"


def shipped_recipes() -> dict[str, str]:
    """What each recipe distils, by its name: the comment that its file begins with."""
    entries = resources.files("menura.recipes").iterdir()
    names = sorted(entry.name.removesuffix(ENDING) for entry in entries if entry.name.endswith(ENDING))
    return {name: _comment(shipped_recipe(name)) for name in names}


def shipped_recipe(name: str) -> str:
    """The YAML of one of them."""
    return (resources.files("menura.recipes") / f"{name}{ENDING}").read_text(encoding="utf-8")


def _comment(text: str) -> str:
    head = takewhile(lambda line: line.startswith("#"), text.splitlines())
    return " ".join(line.lstrip("# ") for line in head)
