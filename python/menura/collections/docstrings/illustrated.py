"""Texts about images that a package ships: the docstrings of the functions that read them, as in `skimage.data`."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from menura.collections.collection import Collection, Qrels
from menura.collections.docstrings.parsing import Docstring, docstrings, first_sentence, modules, stable_hash
from menura.collections.images import Image, image_of
from menura.errors import MenuraError

__all__ = ["illustrated_docstrings"]

IMAGE_SUFFIXES = {".jpeg", ".jpg", ".png", ".webp"}
# Of three functions, one is held out.
HELD_OUT = 3


def illustrated_docstrings(package: str, *, images: bool = False) -> Collection:
    """Passages and queries from an installed package, which is found and parsed, but not imported.

    Functions count whose code names one image of the package, by its path in the package's folder. A query is the first
    sentence of the docstring, its one relevant passage the rest that does not repeat it, beside the image. A third of
    the functions, by a hash of their names, is for testing, the others for training.

    Args:
        package: its import name.
        images: read the images.

    Raises:
        MenuraError: the package is not installed, has no such function, or an image cannot be read.
    """
    folder = _folder(package)
    shipped = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in IMAGE_SUFFIXES}
    corpus: dict[str, str] = {}
    queries: dict[str, str] = {}
    pictures: dict[str, Image] = {}
    for module, path in modules([folder]):
        for docstring in docstrings(f"{package}.{module}".rstrip("."), path):
            identifier, (query, passage) = docstring.identifier, first_sentence(docstring.text)
            named = _named(docstring) & shipped
            if len(named) != 1 or not passage or query.lower() in passage.lower():
                continue
            queries[identifier], corpus[identifier] = query, passage
            if images:
                pictures[identifier] = image_of(named.pop(), folder, identifier)
    if not corpus:
        raise MenuraError(
            f"[collections] no function of {package!r} names an image that the package ships and says something of it."
        )
    qrels: dict[str, Qrels] = {"train": {}, "test": {}}
    for place, identifier in enumerate(sorted(corpus, key=stable_hash)):
        qrels["train" if place % HELD_OUT else "test"][identifier] = {identifier: 1}
    return Collection(package, corpus, queries, qrels, images=pictures)


def _folder(package: str) -> Path:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # of a package around it, or no name at all
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise MenuraError(
            f"[collections] there is no installed package {package!r} that could have images; install it "
            "(skimage: pip install 'menura[multi-modal]'), or name another."
        )
    return Path(spec.submodule_search_locations[0])


def _named(docstring: Docstring) -> set[str]:
    """The strings in a function's code; a class or a module is known by its functions."""
    if not isinstance(docstring.node, ast.FunctionDef | ast.AsyncFunctionDef):
        return set()
    constants = (node.value for node in ast.walk(docstring.node) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}
