"""Where files lie: a path, a folder of tables, or a data set of the hub; and what they hold, as one digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from menura.errors import MenuraError

__all__ = ["content_digest", "data_files", "locate", "table_files"]

TABLES = (".parquet", ".jsonl", ".jsonl.gz", ".json", ".json.gz", ".ndjson", ".ndjson.gz")
HUB_NAME = re.compile(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:/(.+))?")
BLOCK = 1 << 20


def locate(source: str | Path) -> Path:
    """The file or folder `source`; a data set `ORGANISATION/NAME` of the hub, or `ORGANISATION/NAME/FOLDER` of it, is
    downloaded first.

    Raises:
        MenuraError: there is nothing of that name.
    """
    path = Path(source).expanduser()
    if path.exists():
        return path
    found = HUB_NAME.fullmatch(str(source))
    if found is None or path.suffix:
        raise MenuraError(f"[files] {source} is missing.")
    from huggingface_hub import snapshot_download

    name, folder = found.groups()
    try:
        downloaded = Path(
            snapshot_download(name, repo_type="dataset", allow_patterns=[f"{folder}/*"] if folder else None)
        )
    except Exception as error:  # the hub client raises many kinds: offline, missing, gated
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise MenuraError(f"[files] {source!r} is neither here nor on the hub: {reason}") from error
    if folder and not (downloaded / folder).exists():
        raise MenuraError(f"[files] the hub's {name} has no {folder}.")
    return downloaded / folder if folder else downloaded


def data_files(path: Path) -> list[Path]:
    """`path` itself if it is a file, else all Parquet and JSON lines files under it, by name.

    Raises:
        MenuraError: there is none.
    """
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.name.endswith(TABLES) and file.is_file())
    if not found:
        raise MenuraError(f"[files] {path} holds no table; expected files ending in {', '.join(TABLES)}.")
    return found


def table_files(folder: Path, *names: str) -> list[Path]:
    """The files of the first table among `names` that `folder` holds: all of `NAME/`, or `NAME.*` and `NAME-*`; none
    where it holds no such table.
    """
    for name in names:
        if (folder / name).is_dir():
            return data_files(folder / name)
        beside = [
            file for file in folder.glob("*") if file.name.endswith(TABLES) and re.match(f"{name}[.-]", file.name)
        ]
        if beside:
            return sorted(beside)
    return []


def content_digest(paths: Sequence[Path]) -> str:
    """SHA-256 of one file, as `sha256sum` prints it; of several, that of their digests in order.

    Raises:
        MenuraError: a file cannot be read.
    """
    digests = [_sha256(path) for path in paths]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except OSError as error:
        raise MenuraError(f"[files] cannot read {path}: {error.strerror}.") from error
    return digest.hexdigest()
