"""A collection that every Python machine has: the docstrings of the standard library and of installed packages.

The first sentence of a docstring asks for the rest of it. Files are parsed, never imported.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from menura.collections.collection import Collection, Qrels
from menura.collections.near_duplicates import NearDuplicates
from menura.errors import MenuraError
from menura.progress import progress_bar

__all__ = ["docstring_collection"]

QUERY_WORDS = range(3, 31)
FEWEST_PASSAGE_WORDS = 20
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|\n\s*\n")
SKIPPED_FOLDERS = {"test", "tests", "testing", "_vendor", "vendored", "idlelib", "lib2to3", "site-packages"}
# Of a hundred modules, how many are for training, and how many of the rest for development.
TRAIN_SHARE, DEV_SHARE = 70, 10


class Docstring(NamedTuple):
    module: str
    name: str
    text: str


def docstring_collection(
    roots: list[Path] | None = None, *, max_passages: int | None = None, max_words: int | None = None
) -> Collection:
    """Passages and queries from docstrings under `roots`: by default the standard library and site-packages.

    A query is a docstring's first sentence (3 to 30 words), its one relevant passage the rest (20 words or more) that
    does not repeat it. Near-duplicates are dropped. Modules, not docstrings, are split into train, dev and test
    (70 : 10 : 20), by a hash of their name. Which files are read, and in which order, depends on their names alone.

    Args:
        roots: folders of Python code.
        max_passages: stop at the module that reaches this many. None: read everything.
        max_words: cut passages after so many words. None: keep them whole.

    Raises:
        MenuraError: no usable docstring is found.
    """
    roots = roots or [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))]
    modules = sorted(_modules(roots), key=lambda module: _hash(module[0]))
    corpus: dict[str, str] = {}
    queries: dict[str, str] = {}
    qrels: dict[str, Qrels] = {"train": {}, "dev": {}, "test": {}}
    seen = NearDuplicates()
    with progress_bar() as progress:
        task = progress.add_task("Reading docstrings", total=max_passages, unit="passages")
        for module, path in modules:
            if max_passages is not None and len(corpus) >= max_passages:
                break
            for docstring in _docstrings(module, path):
                pair = _query_and_passage(docstring.text, max_words)
                identifier = f"{docstring.module}:{docstring.name}"
                if pair is None or identifier in corpus or not seen.add(*pair):
                    continue
                queries[identifier], corpus[identifier] = pair
                qrels[_split_of(module)][identifier] = {identifier: 1}
            progress.update(task, completed=len(corpus))
    if not corpus:
        places = ", ".join(str(root) for root in roots)
        raise MenuraError(f"[collections] no docstring of {FEWEST_PASSAGE_WORDS} words or more under {places}.")
    return Collection("docstrings", corpus, queries, qrels)


def _modules(roots: list[Path]) -> Iterator[tuple[str, Path]]:
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if SKIPPED_FOLDERS.isdisjoint(parts) and not parts[-1].startswith(("test_", "conftest")):
                yield ".".join(part for part in parts if part != "__init__"), path


def _docstrings(module: str, path: Path) -> Iterator[Docstring]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's invalid escapes
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return  # templates and files of other Python versions
    yield from _walk(module, "", tree)


def _walk(
    module: str, prefix: str, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[Docstring]:
    text = ast.get_docstring(node)
    if text:
        yield Docstring(module, prefix or "module", text)
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(module, f"{prefix}.{child.name}" if prefix else child.name, child)


def _query_and_passage(text: str, max_words: int | None) -> tuple[str, str] | None:
    """The first sentence and the rest, in one line each; None where they make no good pair."""
    first, *rest = SENTENCE_END.split(text, maxsplit=1)
    query = " ".join(first.split())
    passage = " ".join(rest[0].split()[:max_words]) if rest else ""
    if len(query.split()) not in QUERY_WORDS or len(passage.split()) < FEWEST_PASSAGE_WORDS:
        return None
    return None if query.lower() in passage.lower() else (query, passage)


def _split_of(module: str) -> str:
    share = _hash(module) % 100
    if share < TRAIN_SHARE:
        return "train"
    return "dev" if share < TRAIN_SHARE + DEV_SHARE else "test"


def _hash(text: str) -> int:
    # Python's own hash changes from process to process.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
