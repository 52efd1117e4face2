"""Memory of large gradients: lent again when its tensor has died, never while it lives."""

from __future__ import annotations

import pytest
import torch

import menura
from menura.ops import native
from menura.ops.library import memory

pytestmark = pytest.mark.skipif(native.kernels is None, reason="no kernels built")

LARGE = torch.zeros(memory.LEAST_BLOCK // 4 + 7)


@pytest.fixture(autouse=True)
def empty():
    menura.empty_cache()


def test_large_memory_is_lent_again():
    first = memory.grad_memory(LARGE, True)
    address = first.data_ptr()
    view = first[5:]
    del first
    second = memory.grad_memory(LARGE, True)
    assert second.data_ptr() != address
    del view
    assert memory.grad_memory(LARGE[:-3], True).data_ptr() == address


def test_two_gradients_do_not_share_memory():
    first, second = memory.grad_memory(LARGE, True), memory.grad_memory(LARGE, True)
    first.fill_(1)
    second.fill_(2)
    assert bool((first == 1).all())


def test_much_larger_memory_is_left_for_others():
    large = memory.grad_memory(LARGE.repeat(4), True)
    address = large.data_ptr()
    del large
    assert memory.grad_memory(LARGE, True).data_ptr() != address


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_any_dtype_and_shape(dtype):
    like = torch.zeros(3, memory.LEAST_BLOCK // 2, dtype=dtype).mT
    grad = memory.grad_memory(like, True)
    assert (grad.dtype, grad.shape, grad.is_contiguous()) == (dtype, like.shape, True)


def test_small_or_unwanted_memory_is_torchs():
    assert memory.grad_memory(LARGE, False).numel() == 0
    assert memory.grad_memory(LARGE[:10], True).shape == (10,)


def test_gradients_outlive_the_step_that_made_them():
    queries = torch.randn(4, 8, 64, requires_grad=True)
    documents = torch.randn(4, memory.LEAST_BLOCK // 1024, 64, requires_grad=True)
    kept = []
    for _ in range(3):
        documents.grad = None
        menura.maxsim(queries, documents).sum().backward()
        kept.append(documents.grad)
        assert len({grad.data_ptr() for grad in kept}) == len(kept)
    assert torch.equal(kept[0], kept[2])
