"""Reading a pickled dict without unpickling it: nothing in it is ever called, and it is never held whole.

A pickle is a program. This reads its instructions and follows only those that build dicts, lists, strings, ints and
floats; a pickle that asks for anything else, such as a class to import or a function to call, is refused.
"""

from __future__ import annotations

import gzip
import io
import pickletools
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from menura.errors import MenuraError

__all__ = ["pickled_items"]

SCALARS = {
    *("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"),
}
PUTS = {"BINPUT", "LONG_BINPUT", "PUT"}
GETS = {"BINGET", "LONG_BINGET", "GET"}
IGNORED = {"PROTO", "FRAME"}
BUFFER = 1 << 16


def pickled_items(path: Path) -> Iterator[tuple[Any, Any]]:
    """The items of the dict that `path` (`.gz`: packed) holds, some thousand at a time.

    Raises:
        MenuraError: the file cannot be read, is no pickled dict, or asks for more than dicts, lists, strings, ints and
            floats.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from _items(io.BufferedReader(file, BUFFER), path)
    except FileNotFoundError as error:
        raise MenuraError(f"[formats] {path} is missing.") from error
    except (OSError, EOFError, ValueError, OverflowError, MemoryError, struct.error, zlib.error) as error:
        raise MenuraError(f"[formats] {path} is not a whole pickle: {error}.") from error
    except (IndexError, TypeError, KeyError, AttributeError) as error:
        raise MenuraError(f"[formats] {path} is a broken pickle.") from error


class _Mark:
    """Where the arguments of a later instruction begin."""


def _items(file: IO[bytes], path: Path) -> Iterator[tuple[Any, Any]]:
    root: dict[Any, Any] = {}
    stack: list[Any] = []
    # Containers are numbered but not remembered, or the whole file would be held.
    memo: dict[int, str] = {}
    numbered = 0
    for instruction, argument, _ in pickletools.genops(file):
        name = instruction.name
        if name in SCALARS:
            stack.append(argument)
        elif name == "EMPTY_DICT":
            stack.append({} if stack else root)
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "MARK":
            stack.append(_Mark)
        elif name in ("SETITEMS", "SETITEM", "APPENDS", "APPEND", "DICT", "LIST"):
            arguments = _pop(stack, 2 if name == "SETITEM" else 1 if name == "APPEND" else None)
            if name in ("DICT", "LIST"):
                stack.append(({} if stack else root) if name == "DICT" else [])
            _fill(stack[-1], arguments)
            if stack[-1] is root:
                yield from root.items()
                root.clear()
        elif name in PUTS or name == "MEMOIZE":
            if isinstance(stack[-1], str):
                memo[numbered if argument is None else argument] = sys.intern(stack[-1])
            numbered += 1
        elif name in GETS:
            if argument not in memo:
                raise MenuraError(f"[formats] {path} refers twice to one dict or list; it must hold each on its own.")
            stack.append(memo[argument])
        elif name == "STOP":
            if stack != [root]:
                raise MenuraError(f"[formats] {path} holds no dict; expected {{query: {{passage: score}}}}.")
        elif name not in IGNORED:
            raise MenuraError(
                f"[formats] {path} asks for {name} {argument or ''}, and only dicts, lists, strings, ints and floats "
                "are read from pickles; let its maker write plain ones."
            )


def _pop(stack: list[Any], count: int | None) -> list[Any]:
    """The last `count` values, or all behind the last mark, which goes as well."""
    if count is not None:
        arguments = stack[-count:]
        del stack[-count:]
        return arguments
    start = len(stack) - 1
    while stack[start] is not _Mark:
        start -= 1
    arguments = stack[start + 1 :]
    del stack[start:]
    return arguments


def _fill(container: Any, arguments: list[Any]) -> None:
    if isinstance(container, dict):
        before, keys = len(container), arguments[::2]
        container.update(zip(keys, arguments[1::2], strict=True))
        if len(container) != before + len(keys):
            raise ValueError("a key stands twice in one dict")
    else:
        container.extend(arguments)
