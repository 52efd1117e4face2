"""Docstrings of Python files, which are parsed and never imported."""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Docstring", "docstrings", "first_sentence", "modules", "stable_hash"]

SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|\n\s*\n")
SKIPPED_FOLDERS = {"test", "tests", "testing", "_vendor", "vendored", "idlelib", "lib2to3", "site-packages"}

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Docstring(NamedTuple):
    module: str
    name: str
    text: str
    node: Documented

    @property
    def identifier(self) -> str:
        return f"{self.module}:{self.name}"


def modules(roots: list[Path]) -> Iterator[tuple[str, Path]]:
    """Name and file of the modules under `roots`, without tests and vendored copies."""
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if SKIPPED_FOLDERS.isdisjoint(parts) and not parts[-1].startswith(("test_", "conftest")):
                yield ".".join(part for part in parts if part != "__init__"), path


def docstrings(module: str, path: Path) -> Iterator[Docstring]:
    """Those of a module, its classes and its functions; of a file that this Python cannot parse none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's invalid escapes
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return  # templates and files of other Python versions
    yield from _walk(module, "", tree)


def first_sentence(text: str) -> tuple[str, str]:
    """The first sentence and the rest, in one line each."""
    first, *rest = SENTENCE_END.split(text, maxsplit=1)
    return " ".join(first.split()), " ".join(rest[0].split()) if rest else ""


def stable_hash(text: str) -> int:
    """64 bits; Python's own hash changes from process to process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _walk(module: str, prefix: str, node: Documented) -> Iterator[Docstring]:
    text = ast.get_docstring(node)
    if text:
        yield Docstring(module, prefix or "module", text, node)
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(module, f"{prefix}.{child.name}" if prefix else child.name, child)
