"""Killed again and again, a training ends with the bits of one that was left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import killed
import pytest
import torch
from safetensors.torch import load_file

from menura import MenuraError
from menura.training.trainers import STATE
from tiny import tiny_encoder, tiny_masked_lm

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    tiny_encoder(folder / "encoder")
    tiny_masked_lm(folder / "lm")
    ended = subprocess.run(
        [sys.executable, killed.__file__, str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return folder


def together(folder, *arguments):
    """How a training by two processes ended."""
    launcher = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    return subprocess.run(
        [sys.executable, "-m", *launcher, killed.__file__, str(folder), *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    ).returncode


def tensors(folder):
    return {
        f"{path.relative_to(folder)} {name}": tensor
        for path in folder.rglob("*.safetensors")
        for name, tensor in load_file(path).items()
    }


@pytest.mark.parametrize("case", killed.CASES)
def test_the_same_bits(outputs, case):
    whole, died = (tensors(outputs / case / name) for name in ("whole", "killed"))
    assert whole.keys() == died.keys()
    own = [name for name in whole if STATE in name and name.endswith("objectives.1.log_scale")]
    assert sorted(name.split("/")[1] for name in own) == ["checkpoint-11", "checkpoint-4", "checkpoint-8"]
    for name, tensor in whole.items():
        assert torch.equal(died[name], tensor), name
    curves = [json.loads((outputs / case / name / "history.json").read_text()) for name in ("whole", "killed")]
    whole, died = ([entry["loss"] for entry in curve if "loss" in entry] for curve in curves)
    assert len(whole) == killed.STEPS
    assert whole == died


def test_the_same_bits_of_two_processes(outputs):
    """Killed in the middle of the second epoch, whose order is another than the first one's, while teachers answer."""
    assert together(outputs, "dies") != 0
    checkpoints = outputs.glob("together/killed/checkpoints/*")
    assert {path.name for path in checkpoints} == {"checkpoint-4", "checkpoint-8"}
    assert together(outputs, "lives") == 0
    whole, died = (tensors(outputs / "together" / name) for name in ("whole", "killed"))
    assert whole.keys() == died.keys()
    for name, tensor in whole.items():
        assert torch.equal(died[name], tensor), name


def test_a_checkpoint_of_another_training(outputs, monkeypatch):
    for module, name in ((killed.running, "show_progress"), (killed.colbert, "build_objectives")):
        monkeypatch.setattr(module, name, getattr(module, name))  # to be put back
    case = "colbert with lora"
    (outputs / case / "killed" / "checkpoints" / "checkpoint-11" / STATE).unlink()
    with pytest.raises(MenuraError, match=r"must hold \d+ tensors of the training as it is; it holds 0"):
        killed.train(outputs, case, outputs / case / "killed", None)
