"""Rows of texts and judgements, checked one by one; BEIR folders and hub data sets share them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from menura.collections.collection import Qrels
from menura.collections.images import Image, image_of
from menura.errors import MenuraError

__all__ = ["gather_judgements", "gather_texts"]


def gather_texts(
    rows: Iterable[tuple[str, Any]],
    fields: Mapping[str, dict[str, str]] | None = None,
    *,
    images: dict[str, Image] | None = None,
    folder: Path | None = None,
) -> dict[str, str]:
    """Id -> text from (place, `{_id, text, title}`). The title is optional; it and the text are joined by a space.

    `fields`, by name, are filled with id -> value, from a row's own column of that name, else from its ``metadata``;
    `images` with id -> what a row has in its column ``image``, where paths start at `folder`.

    Raises:
        MenuraError: with the place: a row has no id or text, its id is no string or stands twice, or its text is no
            string or cannot be written as UTF-8, a field's value is neither a string nor a whole number, or an
            image is none.
    """
    texts: dict[str, str] = {}
    for where, row in rows:
        if not isinstance(row, dict) or "_id" not in row or "text" not in row:
            raise MenuraError(f"[collections] {where}: expected an object with '_id' and 'text'; got {str(row)[:80]}.")
        identifier = row["_id"]
        if not isinstance(identifier, str):
            raise MenuraError(
                f"[collections] {where}: ids must be strings; got {identifier!r} ({type(identifier).__name__}). "
                f'Write "{identifier}" in quotes, and the same in the judgements.'
            )
        if identifier in texts:
            raise MenuraError(f"[collections] {where}: the id {identifier!r} stands twice.")
        text = _checked(row["text"], "text", where)
        title = _checked(row.get("title") or "", "title", where)
        texts[identifier] = f"{title} {text}".strip() if title else text
        for name, values in (fields or {}).items():
            value = _field(row, name, where)
            if value is not None:
                values[identifier] = value
        if images is not None and row.get("image") is not None:
            images[identifier] = image_of(row["image"], folder, where)
    return texts


def gather_judgements(rows: Iterable[tuple[str, str, str, Any]]) -> Qrels:
    """Judgements from (place, query id, passage id, grade).

    Raises:
        MenuraError: with the place: a grade is no whole number, or contradicts an earlier one.
    """
    qrels: Qrels = {}
    for where, query_id, passage_id, value in rows:
        grade = _whole_number(value, where)
        earlier = qrels.setdefault(query_id, {}).setdefault(passage_id, grade)
        if grade != earlier:
            raise MenuraError(
                f"[collections] {where}: query {query_id!r} and passage {passage_id!r} are judged {grade}, and "
                f"{earlier} before."
            )
    return qrels


def _checked(text: Any, field: str, where: str) -> str:
    if not isinstance(text, str):
        raise MenuraError(f"[collections] {where}: the {field} must be a string; got {text!r} ({type(text).__name__}).")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MenuraError(
            f"[collections] {where}: the {field} holds {text[error.start]!a}, half of a character, at {error.start}."
        ) from error
    return text


def _field(row: Mapping[str, Any], name: str, where: str) -> str | None:
    metadata = row.get("metadata")
    value = row.get(name, metadata.get(name) if isinstance(metadata, dict) else None)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MenuraError(
            f"[collections] {where}: the field {name!r} must be a string or a whole number; got {value!r} "
            f"({type(value).__name__})."
        )
    return sys.intern(str(value))  # few values, many ids


def _whole_number(value: Any, where: str) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not number.is_integer():
        raise MenuraError(f"[collections] {where}: a grade must be a whole number; got {value!r}.")
    return int(number)
