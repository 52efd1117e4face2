"""Embeddings by the content of what was embedded: a text is embedded once, and no other model's vector is taken for it.

Below a folder, each model has its own, named by the digest of all that changes an embedding; in it lie blocks, files of
hashes and vectors that are written whole or not at all and read through memory mapping.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from menura.answer_key.hashing import HASH_BYTES
from menura.errors import MenuraError
from menura.recipe import MiningSettings
from menura.teachers import Fingerprint

__all__ = ["EmbeddingCache", "EmbeddingDtype", "Embeddings", "open_cache"]

logger = logging.getLogger(__name__)

EmbeddingDtype = Literal["float16", "float32"]
RECORD = "model.json"
BLOCKS = "*.safetensors"


class Embeddings:
    """One model's vectors, by the hash of the text (`menura.answer_key.text_hash`).

    Args:
        dtype: what they are stored in; they are returned as float32.
        folder: where they lie. None: in memory.

    Raises:
        MenuraError: the folder cannot be read or written.
    """

    def __init__(self, dtype: EmbeddingDtype = "float32", folder: Path | None = None) -> None:
        self._dtype: torch.dtype = getattr(torch, dtype)
        self._folder = folder
        self._blocks: list[Tensor] = []
        self._places: dict[bytes, tuple[int, int]] = {}
        for path in sorted(folder.glob(BLOCKS)) if folder else ():
            self._read(path)

    def __contains__(self, text: bytes) -> bool:
        return text in self._places

    def add(self, texts: Sequence[bytes], vectors: Tensor) -> None:
        """Keep `vectors [N,d]` of the text hashes `texts [N]`, all or none.

        Raises:
            MenuraError: a vector is not finite, or the folder cannot be written.
        """
        if not torch.isfinite(vectors).all():
            raise MenuraError("[mining] refusing to keep an embedding that is not finite; the model is broken.")
        hashes = b"".join(texts)
        vectors = vectors.to(self._dtype).contiguous()
        if self._folder is not None:
            path = self._folder / f"{hashlib.blake2b(hashes, digest_size=HASH_BYTES).hexdigest()}.safetensors"
            packed = torch.frombuffer(bytearray(hashes), dtype=torch.uint8).reshape(-1, HASH_BYTES)
            _write_whole(path, {"hashes": packed, "vectors": vectors})
            self._read(path)
        else:
            self._keep(texts, vectors)

    def gather(self, texts: Sequence[bytes]) -> Tensor:
        """The vectors `[N,d]` of text hashes, of which there are some and which are all here, in their order."""
        gathered = torch.empty(len(texts), self._blocks[0].shape[1])
        for numbers, vectors in self.scan(texts, len(texts)):
            gathered[torch.from_numpy(numbers)] = vectors
        return gathered

    def scan(self, texts: Sequence[bytes], count: int) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Numbers of `texts` `[C]` and their vectors `[C,d]`, at most `count` at a time, in the order they are stored.

        What is stored together is read together, so that a corpus larger than memory passes by once.
        """
        places = np.array([self._places[text] for text in texts], np.int64).reshape(-1, 2)
        order = np.lexsort((places[:, 1], places[:, 0]))
        blocks, starts = np.unique(places[order, 0], return_index=True)
        for block, chosen in zip(blocks, np.split(order, starts[1:]), strict=False):
            for first in range(0, len(chosen), count):
                numbers = chosen[first : first + count]
                yield numbers, self._blocks[block][torch.from_numpy(places[numbers, 1])].float()

    def _read(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt") as file:
                hashes, vectors = file.get_tensor("hashes").numpy().tobytes(), file.get_tensor("vectors")
            if vectors.dtype != self._dtype or len(hashes) != HASH_BYTES * len(vectors):
                raise ValueError("its parts do not fit each other")
        except (OSError, ValueError, SafetensorError) as error:
            logger.warning("%s is broken (%s); it is removed, and its texts are embedded anew.", path, error)
            path.unlink(missing_ok=True)
            return
        self._keep([hashes[i : i + HASH_BYTES] for i in range(0, len(hashes), HASH_BYTES)], vectors)

    def _keep(self, texts: Sequence[bytes], vectors: Tensor) -> None:
        self._places.update((text, (len(self._blocks), row)) for row, text in enumerate(texts))
        self._blocks.append(vectors)


class EmbeddingCache:
    """Embeddings of any number of models under `folder`.

    Args:
        max_bytes: the models whose embeddings were used longest ago give way (see `trim`). None: no limit.
    """

    def __init__(self, folder: Path, *, max_bytes: int | None = None) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def open(self, details: Mapping[str, str], dtype: EmbeddingDtype) -> Embeddings:
        """The embeddings of the model that `details` say all about: whatever changes a vector must be among them.

        Raises:
            MenuraError: the folder cannot be read or written.
        """
        details = {**details, "dtype": dtype}
        folder = self._folder / Fingerprint(details).digest
        record = folder / RECORD
        try:
            folder.mkdir(parents=True, exist_ok=True)
            record.write_text(json.dumps(details, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            return Embeddings(dtype, folder)
        except OSError as error:
            raise MenuraError(
                f"[mining] cannot use the embedding cache {folder}: {error.strerror or error}."
            ) from error

    def trim(self) -> None:
        """Remove the embeddings of the models used longest ago, until `max_bytes` hold the rest; the latest stays."""
        if self._max_bytes is None:
            return
        models = sorted(self._models(), key=lambda model: (model / RECORD).stat().st_mtime_ns)
        size = sum(map(_size, models))
        for model in models[:-1]:
            if size > self._max_bytes:
                size -= _size(model)
                shutil.rmtree(model, ignore_errors=True)
        if size > self._max_bytes:
            logger.warning(
                "the embeddings of one model in %s take %.1f GB, beyond the limit.", self._folder, size / 1e9
            )

    def clear(self) -> None:
        """Remove all embeddings."""
        for model in self._models():
            shutil.rmtree(model, ignore_errors=True)

    def _models(self) -> list[Path]:
        return [record.parent for record in self._folder.glob(f"*/{RECORD}")]


def open_cache(settings: MiningSettings, default: Path) -> EmbeddingCache:
    """The cache that the settings name, or one in the folder `default`."""
    folder = default if settings.cache is None else Path(settings.cache)
    return EmbeddingCache(folder, max_bytes=None if settings.cache_gb is None else int(settings.cache_gb * 1e9))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _write_whole(path: Path, tensors: dict[str, Tensor]) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
    try:
        save_file(tensors, unfinished)
        unfinished.replace(path)
    except (OSError, SafetensorError) as error:
        raise MenuraError(f"[mining] cannot write {path}: {error}. What was embedded before is kept.") from error
