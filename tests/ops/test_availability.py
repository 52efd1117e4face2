"""Which devices have kernels, what is said where they have none, and what the environment may ask for."""

from __future__ import annotations

import importlib.util

import pytest
import torch

import menura
from menura.errors import MenuraError
from menura.ops import availability

GPU = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def no_memory(monkeypatch):
    """What was found before is forgotten; a GPU of our own making stands in for a real one."""
    monkeypatch.delenv("MENURA_GPU", raising=False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Some GPU")
    capability(monkeypatch, 9, 0)
    availability.gpu_obstacle.cache_clear()
    availability._say_reference_runs.cache_clear()
    yield
    availability.gpu_obstacle.cache_clear()


def capability(monkeypatch, *numbers):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: numbers)


def without_triton(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "triton" else find_spec(name))


def test_a_recent_gpu_has_kernels():
    pytest.importorskip("triton")
    assert availability.gpu_obstacle(GPU) is None


def test_an_old_gpu_has_none(monkeypatch):
    pytest.importorskip("triton")
    capability(monkeypatch, 7, 5)
    assert availability.gpu_obstacle(GPU) == "Some GPU is older than compute capability 8.0"


def test_without_triton_there_are_none(monkeypatch):
    without_triton(monkeypatch)
    assert availability.gpu_obstacle(GPU) == "Triton is not installed"


def test_the_environment_may_ask_for_the_reference(monkeypatch):
    monkeypatch.setenv("MENURA_GPU", "reference")
    assert availability.gpu_obstacle(GPU) == "MENURA_GPU asks for the reference"


def test_an_explicit_request_raises(monkeypatch):
    monkeypatch.setenv("MENURA_GPU", "triton")
    without_triton(monkeypatch)
    with pytest.raises(MenuraError, match="MENURA_GPU=triton asks for kernels, but Triton is not installed"):
        availability.gpu_obstacle(GPU)


def test_other_requests_raise(monkeypatch):
    monkeypatch.setenv("MENURA_GPU", "fast")
    with pytest.raises(MenuraError, match="MENURA_GPU must be one of auto, triton, reference; got 'fast'"):
        availability.gpu_obstacle(GPU)


def test_the_reference_runs_and_says_so_once(monkeypatch, caplog):
    monkeypatch.setattr(availability, "kernels", None)
    scores = menura.maxsim(torch.randn(2, 5, 8), torch.randn(3, 7, 8))
    menura.maxsim(torch.randn(2, 5, 8), torch.randn(3, 7, 8))
    assert scores.shape == (2, 3)
    assert [record.message for record in caplog.records] == [
        "This installation has no compiled kernels: the reference implementation runs."
    ]
