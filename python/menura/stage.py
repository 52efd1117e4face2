"""A folder that one step of the pipeline fills, and what it was filled from."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from menura.errors import MenuraError
from menura.files import write_json

__all__ = ["Stage", "identity"]

RECORD = "inputs.json"


def identity(value: Any) -> str:
    """A short hash of anything that JSON can hold."""
    digest = hashlib.blake2b(digest_size=12)
    for piece in json.JSONEncoder(sort_keys=True, default=str).iterencode(value):  # whole corpora, never held twice
        digest.update(piece.encode())
    return digest.hexdigest()


class Stage:
    """`folder` holds what follows from `inputs`, or nothing yet.

    A stage that was begun from the same inputs and cut short keeps what it has, for the step to go on from; one that
    was begun from other inputs is emptied first.
    """

    def __init__(self, folder: Path, inputs: Any) -> None:
        self.folder = folder
        self.identity = identity(inputs)

    @property
    def finished(self) -> bool:
        """Whether the step has been done, from these very inputs."""
        return self._record() == {"inputs": self.identity, "finished": True}

    def begin(self) -> None:
        """Make the folder ready to be filled.

        Raises:
            MenuraError: it cannot be written, or holds something that no step of ours left there.
        """
        record = self._record()
        if not record and self.folder.is_dir() and any(self.folder.iterdir()):
            raise MenuraError(
                f"[pipeline] {self.folder} holds files that are not ours; name another --output, or move them away."
            )
        if record.get("inputs") != self.identity:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._write(finished=False)

    def finish(self) -> None:
        """Note that the folder is complete."""
        self._write(finished=True)

    def _record(self) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads((self.folder / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record

    def _write(self, *, finished: bool) -> None:
        write_json(self.folder / RECORD, {"inputs": self.identity, "finished": finished})
