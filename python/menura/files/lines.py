"""Lines of text files, plain or gzipped, one at a time."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from menura.errors import MenuraError

__all__ = ["json_lines", "lines"]


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """(`FILE:LINE`, the line without its end) for every line that is not blank; `.gz` is unpacked on the way.

    Raises:
        MenuraError: the file is missing, unreadable, cut short or not UTF-8.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if not line.isspace():
                    yield f"{path}:{number}", line.rstrip("\r\n")
    except FileNotFoundError as error:
        raise MenuraError(f"[files] {path} is missing.") from error
    except UnicodeDecodeError as error:
        raise MenuraError(f"[files] {path} is not UTF-8 text: {error.reason}.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise MenuraError(f"[files] cannot read {path}: {error}.") from error


def json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """(`FILE:LINE`, the value) for every line of a file of JSON lines.

    Raises:
        MenuraError: a line is not valid JSON, or an object in it has a key twice; or see `lines`.
    """
    for place, line in lines(path):
        try:
            yield place, DECODER.decode(line)
        except json.JSONDecodeError as error:
            raise MenuraError(f"[files] {place}: not valid JSON: {error.msg}.") from error
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists in lists
            raise MenuraError(f"[files] {place}: not readable as JSON: {error}.") from error
        except _KeyTwiceError as error:
            raise MenuraError(f"[files] {place}: the key {error.args[0]!r} stands twice.") from error


class _KeyTwiceError(Exception):
    pass


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Python's own reader lets the last one win, silently.
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        raise _KeyTwiceError(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return values


DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys)
