"""Every operator test runs on every instruction set and on the GPU kernels, with uninitialised memory that bites."""

from __future__ import annotations

import importlib.util
import warnings

import pytest
import torch

from menura.ops import native

KERNELS = [*native.available_isas(), *(["triton"] if importlib.util.find_spec("triton") else [])]


@pytest.fixture(params=KERNELS or [pytest.param("none", marks=pytest.mark.skip("no kernels built"))])
def isa(request):
    """Run the test on one instruction set, or on the GPU kernels in Triton's interpreter."""
    if request.param == "triton":
        if marker := request.node.get_closest_marker("cpu_only"):
            pytest.skip(marker.args[0])
        yield from gpu_kernels_on_cpu()
        return
    before = native.isa()
    native.kernels.set_isa(request.param)
    yield request.param
    native.kernels.set_isa(before)


@pytest.fixture(
    params=["cpu", pytest.param("triton", marks=pytest.mark.skipif("triton" not in KERNELS, reason="no Triton"))]
)
def device_kernels(request):
    """Run the test on the CPU kernels, and on the GPU kernels in Triton's interpreter."""
    if request.param == "triton":
        yield from gpu_kernels_on_cpu()
    else:
        yield "cpu"


def gpu_kernels_on_cpu():
    from menura.ops.library import gpu

    library = torch.library.Library("menura", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that kernels are overridden
        for operator in gpu.__all__:
            library.impl(operator, getattr(gpu, operator), "CPU", allow_override=True)
    yield "triton"
    library._destroy()


@pytest.fixture(autouse=True)
def poisoned_memory(monkeypatch):
    """An element that a kernel forgets to write is NaN, or the largest integer, not a lucky zero."""
    new_empty = torch.Tensor.new_empty

    def poisoned(self, *args, **kwargs):
        tensor = new_empty(self, *args, **kwargs)
        if tensor.device.type == "cpu" and not torch.compiler.is_compiling():
            whole = not tensor.is_floating_point()
            tensor.fill_((tensor.dtype == torch.bool or torch.iinfo(tensor.dtype).max) if whole else torch.nan)
        return tensor

    monkeypatch.setattr(torch.Tensor, "new_empty", poisoned)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)
