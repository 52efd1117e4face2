"""Adapters: nothing at first, all that is trained then, and gone from what is saved."""

from __future__ import annotations

import sys

import pytest
import torch
from sentence_transformers import MultiVectorEncoder, SparseEncoder

from menura import MenuraError
from menura.recipe import ColbertSettings, LoraSettings, SpladeSettings
from menura.students import accelerate, add_lora, build_colbert, build_splade, has_lora, merge_lora, save_student
from tiny import tiny_encoder, tiny_masked_lm

TEXTS = ["read a file", "sort the words of the long table"]


@pytest.fixture(params=["colbert", "splade"])
def build(request, tmp_path):
    if request.param == "colbert":
        encoder = tiny_encoder(tmp_path / "model")
        return lambda: build_colbert(ColbertSettings(model=encoder, dimension=8))
    masked_lm = tiny_masked_lm(tmp_path / "model")
    return lambda: build_splade(SpladeSettings(model=masked_lm))


def encoded(model):
    vectors = model.encode_document(TEXTS)
    return torch.cat([vector.to_dense().flatten() for vector in vectors])


def disturb(model):
    """As if the adapters had been trained."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


def test_adapters_start_as_nothing_and_freeze_the_rest(build):
    model = build()
    before = encoded(model)
    add_lora(model, LoraSettings(rank=2))
    assert torch.equal(encoded(accelerate(model)), before) or torch.allclose(encoded(model), before, atol=1e-5)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert all("lora_" in name or name.startswith("1.") for name in trained)
    assert any("query.lora_A" in name for name in trained)
    assert not any("decoder" in name for name in trained)


def test_a_saved_student_has_them_merged(build, tmp_path):
    model = build()
    names = set(model.state_dict())
    before = encoded(model)
    add_lora(model, LoraSettings(rank=2, alpha=8, target_modules=["query", "value"]))
    disturb(model)
    expected = encoded(accelerate(model))
    assert not torch.allclose(expected, before, atol=1e-3)
    merge_lora(model)
    assert not has_lora(model)
    assert set(model.state_dict()) == names
    assert all(parameter.requires_grad for parameter in model.parameters())
    folder = save_student(model, tmp_path / "saved")
    kind = MultiVectorEncoder if isinstance(model, MultiVectorEncoder) else SparseEncoder
    assert torch.allclose(encoded(kind(str(folder))), expected, atol=1e-5)


def test_modules_that_are_not_there(build):
    with pytest.raises(MenuraError, match=r"\[students\] lora.target_modules: .*wquery"):
        add_lora(build(), LoraSettings(target_modules=["wquery"]))


def test_the_vocabulary_projection_cannot_have_adapters(tmp_path):
    model = build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path)))
    add_lora(model, LoraSettings(target_modules=["decoder"]))
    with pytest.raises(MenuraError, match="vocabulary projection must be linear"):
        accelerate(model)


def test_without_peft(build, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MenuraError, match=r"lora needs peft; run: pip install 'menura\[lora\]'"):
        add_lora(build(), LoraSettings())
