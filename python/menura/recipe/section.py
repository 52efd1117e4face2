"""What every section of a recipe is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Section", "check_field"]


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
