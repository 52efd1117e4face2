"""Single values in the place of a recipe's: ``students.splade.trainer.epochs=2``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from menura.errors import MenuraError

__all__ = ["Override", "override"]

# The keys down to a value, and the value.
Override = tuple[tuple[str, ...], Any]


def override(values: dict[str, Any], settings: Sequence[str], name: str) -> list[Override]:
    """Put each of `settings`, ``KEY=VALUE`` with a value as in YAML, into the `values` of the recipe `name`.

    Sections that are not there yet are made.

    Raises:
        MenuraError: a setting is of another form, stands twice, or goes below a value that is no section.
    """
    overrides: list[Override] = []
    for setting in settings:
        keys, value = _parse(setting)
        if any(keys == other for other, _ in overrides):
            raise MenuraError(f"[recipe] --set {'.'.join(keys)} stands twice; give it once.")
        section = values
        for depth, part in enumerate(keys[:-1], start=1):
            key = _known(section, part)
            if section.get(key) is None:
                section[key] = {}
            below = section[key]
            if not isinstance(below, dict):
                raise MenuraError(
                    f"[recipe] --set {'.'.join(keys)}: {'.'.join(keys[:depth])} is {below!r} in {name}, which has no "
                    "keys below it; set it as a whole."
                )
            section = below
        section[_known(section, keys[-1])] = value
        overrides.append((keys, value))
    return overrides


def _known(section: dict[Any, Any], name: str) -> Any:
    """The key of that name; YAML takes some for numbers."""
    return next((key for key in section if str(key) == name), name)


def _parse(setting: str) -> Override:
    key, _, text = setting.partition("=")
    keys = tuple(key.strip().split("."))
    if not all(keys) or not text.strip():
        raise MenuraError(
            f"[recipe] --set takes KEY=VALUE, such as students.splade.trainer.epochs=2, null for none; got {setting!r}."
        )
    try:
        return keys, yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MenuraError(f"[recipe] --set {key}: not valid YAML: {getattr(error, 'problem', error)}.") from error
