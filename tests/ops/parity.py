"""How close a kernel must be to the truth: in float64 exact; in float32 no worse than twice torch's own error."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# Relative errors that are always allowed; in half precision, that of rounding once.
FLOORS = {torch.float64: 1e-13, torch.float32: 4 * torch.finfo(torch.float32).eps}


def value_and_grads(function: Callable[..., Tensor], inputs: Sequence[Tensor], weights: Tensor | None):
    """The output, and the gradient of its weighted sum by every floating-point input that requires one."""
    output = function(*inputs)
    wanted = [tensor for tensor in inputs if tensor is not None and tensor.requires_grad]
    if not wanted:
        return [output.detach()]
    weights = torch.ones_like(output) if weights is None else weights.to(output.dtype)
    return [output.detach(), *torch.autograd.grad(output, wanted, weights)]


def leaf(tensor: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """A copy in `dtype` with the same strides and the same need of a gradient."""
    if tensor is None:
        return None
    return tensor.detach().to(dtype).requires_grad_(tensor.requires_grad)


def assert_matches_reference(
    operator: Callable[..., Tensor],
    reference: Callable[..., Tensor],
    *inputs: Tensor | None,
    dtypes: Sequence[torch.dtype] = (torch.float64, torch.float32),
) -> None:
    """Compare outputs and gradients of `operator` with `reference` in float64, by the tolerance rule above.

    In half precision the truth is that of the rounded inputs.
    """
    with torch.no_grad():
        scores = reference(*(leaf(tensor, torch.float64) for tensor in inputs))
    weights = torch.randn_like(scores)
    for dtype in dtypes:
        copies = [leaf(tensor, dtype) for tensor in inputs]
        truth = value_and_grads(reference, [leaf(tensor, torch.float64) for tensor in copies], weights)
        ours = value_and_grads(operator, copies, weights)
        theirs = value_and_grads(reference, copies, weights)
        for got, own, true in zip(ours, theirs, truth, strict=True):
            assert got.dtype == own.dtype
            assert got.shape == true.shape
            assert torch.equal(got.isnan(), true.isnan())
            if true.numel() == 0 or true.isnan().all():
                continue
            scale = true.nan_to_num().abs().max()
            floor = FLOORS.get(got.dtype, torch.finfo(got.dtype).eps / 2)
            allowed = 2 * (own.double() - true).nan_to_num().abs().max() + floor * scale
            error = (got.double() - true).nan_to_num().abs().max()
            assert error <= allowed, f"error {error:.3g}, allowed {allowed:.3g} at {dtype}"


def assert_rounded_once(scores: Tensor, truth: Tensor, inputs: Sequence[Tensor], *, atol: float) -> None:
    """Compare float32 scores of half precision inputs, and gradients in their dtype, with the float64 truth of both."""
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores.double(), truth, rtol=1e-5, atol=1e-5)
    weights = torch.randn_like(scores)
    ours = torch.autograd.grad(scores, inputs, weights)
    exact = torch.autograd.grad(truth, inputs, weights.double())
    for tensor, own, true in zip(inputs, ours, exact, strict=True):
        assert own.dtype == tensor.dtype
        torch.testing.assert_close(own, true, rtol=torch.finfo(tensor.dtype).eps, atol=atol)
