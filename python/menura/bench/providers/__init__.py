"""Who is measured: our operators, plain PyTorch, sentence-transformers; others join from a file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from menura.bench.provider import Provider
from menura.bench.providers import menura_operators, sentence_transformers_forms, torch_forms
from menura.errors import MenuraError

__all__ = ["providers"]


def providers(joining: Path | None = None) -> list[Provider]:
    """All providers, ours first, and those of the list `PROVIDERS` in the Python file `joining`.

    Raises:
        MenuraError: there is no such file, or no such list in it.
    """
    known = [*menura_operators.PROVIDERS, *torch_forms.PROVIDERS, *sentence_transformers_forms.PROVIDERS]
    return known if joining is None else [*known, *_load(joining)]


def _load(path: Path) -> list[Provider]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise MenuraError(f"[bench] {path} is no Python file; it should define PROVIDERS.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, "PROVIDERS", None)
    if not isinstance(found, list) or not all(isinstance(provider, Provider) for provider in found):
        raise MenuraError(f"[bench] {path} defines no list PROVIDERS of menura.bench.provider.Provider.")
    return found
