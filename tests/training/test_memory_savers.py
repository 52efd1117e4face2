"""Accumulation, mini-batches and checkpointed layers take less memory and change nothing else."""

from __future__ import annotations

import pytest
import torch
from datasets import Dataset

from menura.recipe import ColbertSettings, SpladeSettings, TrainerSettings
from menura.students import build_colbert, build_splade
from menura.training import train_colbert, train_splade
from tiny import WORDS, tiny_encoder, tiny_masked_lm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_encoder(folder / "encoder")
    tiny_masked_lm(folder / "lm")
    return folder


def examples():
    texts = [[f"{WORDS[i + n]} {' '.join(WORDS[i : i + n])}" for n in range(3)] for i in range(16)]
    rows = [
        {"query": query, "passage_1": first, "passage_2": second, "label": [0.1 * i, -0.5]}
        for i, (query, first, second) in enumerate(texts)
    ]
    return Dataset.from_list(rows)


def settings_of(folder, student, **options):
    if student == "colbert":
        return ColbertSettings(model=str(folder / "encoder"), dimension=8, **options)
    return SpladeSettings(model=str(folder / "lm"), **options)


def build(settings):
    return (build_colbert if isinstance(settings, ColbertSettings) else build_splade)(settings)


def trained(folder, student, output, *, forwards=None, trainer=None, **options):
    """Losses of three steps and the weights that they lead to."""
    trainer = TrainerSettings(**{"max_steps": 3, "batch_size": 8, "logging_steps": 1, **(trainer or {})})
    settings = settings_of(folder, student, negatives=1, dropout=0.0, trainer=trainer, **options)
    model = build(settings)
    if forwards is not None:
        model.register_forward_pre_hook(
            lambda _, inputs: forwards.append(len(inputs[0]["input_ids"])) if model.training else None
        )
    train = train_colbert if student == "colbert" else train_splade
    history = train(model, settings, examples(), output=output, seed=1).history
    return [entry["loss"] for entry in history if "loss" in entry], model.state_dict()


@pytest.mark.parametrize("student", ["colbert", "splade"])
def test_the_same_training(folder, student, tmp_path):
    losses, weights = trained(folder, student, tmp_path / "plain")
    forwards = []
    savers = {
        "accumulation": {"trainer": {"batch_size": 2, "accumulation": 4}, "forwards": forwards},
        "mini-batches": {"mini_batch_size": 3},
        "layers": {"trainer": {"gradient_checkpointing": True}},
        "all": {"trainer": {"gradient_checkpointing": True, "batch_size": 4, "accumulation": 2}},
    }
    for name, options in savers.items():
        found, found_weights = trained(folder, student, tmp_path / name, **options)
        assert found == pytest.approx(losses, rel=1e-4), name
        for key, tensor in weights.items():
            assert torch.allclose(found_weights[key], tensor, atol=2e-5), (name, key)
    # Eight queries and sixteen passages a step, never more than the texts of two rows at a time, each of them twice.
    assert max(forwards) == 4
    assert len(forwards) == 3 * 2 * (2 + 4)


@pytest.mark.parametrize("student", ["colbert", "splade"])
def test_bf16_and_lora(folder, student, tmp_path):
    options = {"trainer": {"bf16": True, "gradient_checkpointing": True, "batch_size": 4, "accumulation": 2}}
    losses, _ = trained(folder, student, tmp_path / "fp32")
    found, _ = trained(folder, student, tmp_path / "bf16", **options)
    assert found == pytest.approx(losses, rel=0.05)
    assert found != losses
    _, weights = trained(folder, student, tmp_path / "lora", lora={"rank": 2, "target_modules": ["query"]}, **options)
    start = build(settings_of(folder, student)).state_dict()
    moved = {name for name, tensor in weights.items() if not torch.equal(tensor, start[name])}
    assert moved
    assert all("query.weight" in name or name.startswith("1.") for name in moved)
