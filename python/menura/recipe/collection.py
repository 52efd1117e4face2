"""Which texts."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from menura.recipe.section import Section, check_field

__all__ = ["CollectionSettings"]


class CollectionSettings(Section):
    """Which passages, queries and judgements.

    `source` is ``docstrings``, the path of a folder (BEIR's or MS MARCO's files, or tables of texts), a hub data set
    with BEIR's three configurations, ``tables:NAME`` of the hub, ``ir_datasets:NAME``, or ``illustrated:NAME``, an
    installed package with images and docstrings about them.
    `docstring_words` cuts the passages of ``docstrings`` after so many words. `id_fields` are read off an id, for
    collections that tell a domain there: ``query.NAME`` or ``passage.NAME`` is what the first group of the regular
    expression matches, or all of it.
    """

    source: str = "docstrings"
    id_fields: dict[str, str] = Field(default_factory=dict)
    docstring_words: int | None = Field(default=None, ge=20)
    max_passages: int | None = Field(default=None, ge=1)
    max_train_queries: int | None = Field(default=None, ge=1)
    max_test_queries: int | None = Field(default=None, ge=1)

    @field_validator("id_fields")
    @classmethod
    def _check_id_fields(cls, value: dict[str, str]) -> dict[str, str]:
        for name, pattern in value.items():
            check_field(name)
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return value
