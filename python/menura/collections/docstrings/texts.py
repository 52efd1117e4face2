"""A collection that every Python machine has: the docstrings of the standard library and of installed packages.

The first sentence of a docstring asks for the rest of it.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

from menura.collections.collection import Collection, Qrels
from menura.collections.docstrings.parsing import docstrings, first_sentence, modules, stable_hash
from menura.collections.near_duplicates import NearDuplicates
from menura.errors import MenuraError
from menura.progress import progress_bar

__all__ = ["docstring_collection"]

# The collection does not change with the program that makes it.
LEFT_OUT = "menura"
QUERY_WORDS = range(3, 31)
FEWEST_PASSAGE_WORDS = 20
# Of a hundred modules, how many are for training, and how many of the rest for development.
TRAIN_SHARE, DEV_SHARE = 70, 10


def docstring_collection(
    roots: list[Path] | None = None, *, max_passages: int | None = None, max_words: int | None = None
) -> Collection:
    """Passages and queries from docstrings under `roots`: by default the standard library and site-packages.

    A query is a docstring's first sentence (3 to 30 words), its one relevant passage the rest (20 words or more) that
    does not repeat it. Near-duplicates are dropped. Modules, not docstrings, are split into train, dev and test
    (70 : 10 : 20), by a hash of their name. Which files are read, and in which order, depends on their names alone.

    Menura's own docstrings are left out.

    Args:
        roots: folders of Python code.
        max_passages: stop at the module that reaches this many. None: read everything.
        max_words: cut passages after so many words. None: keep them whole.

    Raises:
        MenuraError: no usable docstring is found.
    """
    roots = roots or [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))]
    read = (module for module in modules(roots) if module[0].split(".")[0] != LEFT_OUT)
    found = sorted(read, key=lambda module: stable_hash(module[0]))
    corpus: dict[str, str] = {}
    queries: dict[str, str] = {}
    qrels: dict[str, Qrels] = {"train": {}, "dev": {}, "test": {}}
    seen = NearDuplicates()
    with progress_bar() as progress:
        task = progress.add_task("Reading docstrings", total=max_passages, unit="passages")
        for module, path in found:
            if max_passages is not None and len(corpus) >= max_passages:
                break
            for docstring in docstrings(module, path):
                pair = _query_and_passage(docstring.text, max_words)
                if pair is None or docstring.identifier in corpus or not seen.add(*pair):
                    continue
                queries[docstring.identifier], corpus[docstring.identifier] = pair
                qrels[_split_of(module)][docstring.identifier] = {docstring.identifier: 1}
            progress.update(task, completed=len(corpus))
    if not corpus:
        places = ", ".join(str(root) for root in roots)
        raise MenuraError(f"[collections] no docstring of {FEWEST_PASSAGE_WORDS} words or more under {places}.")
    return Collection("docstrings", corpus, queries, qrels)


def _query_and_passage(text: str, max_words: int | None) -> tuple[str, str] | None:
    """The first sentence and the rest, in one line each; None where they make no good pair."""
    query, rest = first_sentence(text)
    passage = " ".join(rest.split()[:max_words])
    if len(query.split()) not in QUERY_WORDS or len(passage.split()) < FEWEST_PASSAGE_WORDS:
        return None
    return None if query.lower() in passage.lower() else (query, passage)


def _split_of(module: str) -> str:
    share = stable_hash(module) % 100
    if share < TRAIN_SHARE:
        return "train"
    return "dev" if share < TRAIN_SHARE + DEV_SHARE else "test"
