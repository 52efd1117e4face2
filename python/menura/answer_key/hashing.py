"""How a text is known in the answer key: by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from menura.collections import Passage
from menura.errors import MenuraError

__all__ = ["HASH_BYTES", "Hashes", "hash_column", "hash_texts", "passage_hash", "text_hash"]

HASH_BYTES = 16

# [N,16] uint8, one row a text
Hashes = NDArray[np.uint8]


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
    return hashlib.blake2b(encoded, digest_size=HASH_BYTES).digest()


def passage_hash(passage: Passage) -> bytes:
    """The 16 bytes by which a passage is known: those of its text, or of its text and image together.

    Raises:
        MenuraError: see `text_hash`; or the image cannot be read.
    """
    if isinstance(passage, str):
        return text_hash(passage)
    content = text_hash(passage.text) + passage.image.digest
    return hashlib.blake2b(content, digest_size=HASH_BYTES, person=b"text and image").digest()


def hash_texts(texts: Iterable[Passage]) -> Hashes:
    """The hashes `[N,16]` of `texts`, of queries or passages.

    Raises:
        MenuraError: see `passage_hash`.
    """
    return np.frombuffer(b"".join(map(passage_hash, texts)), np.uint8).reshape(-1, HASH_BYTES)


def hash_column(hashes: Hashes) -> pa.Array:
    """Hashes `[N,16]` as a column of the tables, without a copy where they lie one behind the other."""
    offsets = np.arange(0, HASH_BYTES * (len(hashes) + 1), HASH_BYTES)
    content = pa.py_buffer(np.ascontiguousarray(hashes))
    if offsets[-1] > np.iinfo(np.int32).max:
        return pa.Array.from_buffers(pa.large_binary(), len(hashes), [None, pa.py_buffer(offsets), content])
    return pa.Array.from_buffers(pa.binary(), len(hashes), [None, pa.py_buffer(offsets.astype(np.int32)), content])
