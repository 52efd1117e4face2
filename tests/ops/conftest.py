"""Every operator test runs on every instruction set and on the GPU kernels, with uninitialised memory that bites."""

from __future__ import annotations

import importlib.util

import pytest
import torch

import stand_ins
from menura.ops import native

KERNELS = [*native.available_isas(), *(["triton"] if importlib.util.find_spec("triton") else [])]


@pytest.fixture(params=KERNELS or [pytest.param("none", marks=pytest.mark.skip("no kernels built"))])
def isa(request):
    """Run the test on one instruction set, or on the GPU kernels in Triton's interpreter."""
    if request.param == "triton":
        if marker := request.node.get_closest_marker("cpu_only"):
            pytest.skip(marker.args[0])
        with stand_ins.gpu_kernels_on_cpu():
            yield "triton"
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
        with stand_ins.gpu_kernels_on_cpu():
            yield "triton"
    else:
        yield "cpu"


@pytest.fixture(autouse=True)
def memory_that_bites():
    """What a kernel forgets to write shows."""
    with stand_ins.poisoned_memory():
        yield


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)
