"""What a teacher may see of a passage."""

from __future__ import annotations

from dataclasses import dataclass

from menura.collections.images import Image

__all__ = ["IllustratedPassage", "Passage", "text_of"]


@dataclass(frozen=True)
class IllustratedPassage:
    """A text and the image beside it. Students read the text alone."""

    text: str
    image: Image


Passage = str | IllustratedPassage


def text_of(passage: Passage) -> str:
    """Without the image, if it has one."""
    return passage if isinstance(passage, str) else passage.text
