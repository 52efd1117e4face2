"""How a text is known in the answer key: by its content."""

from __future__ import annotations

import hashlib

from menura.errors import MenuraError

__all__ = ["text_hash"]


def text_hash(text: str) -> bytes:
    """The 16 bytes by which a text is known: the same text under another id is the same text.

    Raises:
        MenuraError: the text holds half of a surrogate pair, which no tokenizer reads either.
    """
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise MenuraError(
            f"[answer_key] the text {text[:80]!r} is not valid Unicode at character {error.start}; mend it in the "
            "collection."
        ) from error
    return hashlib.blake2b(encoded, digest_size=16).digest()
