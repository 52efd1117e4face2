"""What else is known of queries and passages: fields such as ``query.site``, by id."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace

from menura.collections.collection import Collection, Fields
from menura.errors import MenuraError

__all__ = ["check_fields", "fields_of_side", "with_id_fields"]


def fields_of_side(fields: Fields, side: str) -> dict[str, dict[str, str]]:
    """The ``query`` fields or the ``passage`` fields, by the name that they have in the rows."""
    return {name.removeprefix(f"{side}."): values for name, values in fields.items() if name.startswith(f"{side}.")}


def with_id_fields(collection: Collection, patterns: Mapping[str, str]) -> Collection:
    """`collection` with fields that are read off its ids: the first group that a pattern matches, or all of it.

    Raises:
        MenuraError: a pattern is not found in an id.
    """
    fields = {name: _read_off(collection, name, re.compile(pattern)) for name, pattern in patterns.items()}
    return replace(collection, fields={**collection.fields, **fields})


def check_fields(collection: Collection, asked: Iterable[str]) -> None:
    """Whether anything at all has the fields that were asked for.

    Raises:
        MenuraError: a field has no value for any id: most likely it is misspelt.
    """
    for name in asked:
        if not collection.fields.get(name):
            side = name.partition(".")[0]
            raise MenuraError(
                f"[collections] no {side} of {collection.name} has the field {name!r}; neither as a column nor in its "
                "metadata. Mend the name, or read it off the ids with collection.id_fields."
            )


def _read_off(collection: Collection, name: str, pattern: re.Pattern[str]) -> dict[str, str]:
    side = name.partition(".")[0]
    values = {}
    for identifier in collection.queries if side == "query" else collection.corpus:
        match = pattern.search(identifier)
        if match is None:
            raise MenuraError(
                f"[collections] {collection.name}: {pattern.pattern!r} is not found in the {side} id {identifier!r}, "
                f"and {name} is read off it; widen the pattern."
            )
        values[identifier] = sys.intern(match[1 if pattern.groups else 0] or "")
    return values
