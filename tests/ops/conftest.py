"""Every operator test runs on every instruction set, with uninitialised memory that bites."""

from __future__ import annotations

import pytest
import torch

from menura.ops import native


@pytest.fixture(params=native.available_isas() or [pytest.param("none", marks=pytest.mark.skip("no kernels built"))])
def isa(request):
    """Run the test on one instruction set."""
    before = native.isa()
    native.kernels.set_isa(request.param)
    yield request.param
    native.kernels.set_isa(before)


@pytest.fixture(autouse=True)
def poisoned_memory(monkeypatch):
    """An element that a kernel forgets to write is NaN, or the largest integer, not a lucky zero."""
    new_empty = torch.Tensor.new_empty

    def poisoned(self, *args, **kwargs):
        tensor = new_empty(self, *args, **kwargs)
        if tensor.device.type == "cpu" and not torch.compiler.is_compiling():
            tensor.fill_(torch.nan if tensor.is_floating_point() else torch.iinfo(tensor.dtype).max)
        return tensor

    monkeypatch.setattr(torch.Tensor, "new_empty", poisoned)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)
