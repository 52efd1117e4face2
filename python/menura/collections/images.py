"""Images beside passages: files, or bytes in the rows themselves."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from menura.errors import MenuraError

__all__ = ["Image", "image_of"]

DATA_URI = "data:"


@dataclass(frozen=True)
class Image:
    """An image as it is stored: its file, which is read when it is asked for, or its bytes."""

    source: Path | bytes

    @property
    def content(self) -> bytes:
        """The bytes of the file.

        Raises:
            MenuraError: it cannot be read.
        """
        if isinstance(self.source, bytes):
            return self.source
        try:
            return self.source.read_bytes()
        except OSError as error:
            raise MenuraError(f"[collections] cannot read the image {self.source}: {error.strerror}.") from error

    @cached_property
    def digest(self) -> bytes:
        """16 bytes by which its content is known, whatever the file is called."""
        return hashlib.blake2b(self.content, digest_size=16).digest()

    def open(self) -> Any:
        """A `PIL.Image.Image`; pixels are decoded when they are needed.

        Raises:
            MenuraError: it cannot be read, is no image, or Pillow is not installed.
        """
        try:
            import PIL.Image
        except ModuleNotFoundError as missing:
            raise MenuraError(
                "[collections] reading images takes Pillow; run: pip install 'menura[images]'"
            ) from missing
        try:
            return PIL.Image.open(io.BytesIO(self.content))
        except PIL.UnidentifiedImageError as error:
            raise MenuraError(f"[collections] {self} is no image that Pillow can read.") from error

    def __str__(self) -> str:
        return f"an image of {len(self.source):,} bytes" if isinstance(self.source, bytes) else str(self.source)


def image_of(value: Any, folder: Path | None, where: str) -> Image:
    """The image that a row names: a path, relative to `folder`; bytes; ``data:`` with base64; or `{bytes, path}`.

    Raises:
        MenuraError: with the place `where`: there is no such file, it is no image, or it is none of these.
    """
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str) and value.startswith(DATA_URI):
        image = Image(_decoded(value, where))
    elif isinstance(value, str) and value:
        path = (folder or Path()) / value
        if not path.is_file():
            raise MenuraError(f"[collections] {where}: there is no image at {path}; paths start at {folder or '.'}.")
        image = Image(path)
    elif isinstance(value, bytes) and value:
        image = Image(value)
    else:
        raise MenuraError(
            f"[collections] {where}: an image must be a path, bytes or a data URI; got {value!r:.80} "
            f"({type(value).__name__})."
        )
    try:
        image.open()
    except MenuraError as error:
        raise MenuraError(f"[collections] {where}: {str(error).removeprefix('[collections] ')}") from error
    return image


def _decoded(uri: str, where: str) -> bytes:
    kind, _, content = uri.partition(",")
    try:
        if not kind.endswith(";base64"):
            raise ValueError("it is not in base64")
        return base64.b64decode(content, validate=True)
    except (ValueError, binascii.Error) as error:
        raise MenuraError(f"[collections] {where}: the data URI {uri[:40]!r} cannot be decoded: {error}.") from error
