"""The SPLADE head against the reference: every mask, size and activation, forward and backward."""

from __future__ import annotations

import pytest
import torch

import menura
from menura.ops import library, reference
from parity import assert_matches_reference

pytestmark = pytest.mark.usefixtures("isa")


def head(batch, tokens, dim, vocabulary, *, bias=True):
    hidden = torch.randn(batch, tokens, dim).requires_grad_()
    weight = (torch.randn(vocabulary, dim) / dim**0.5).requires_grad_()
    return hidden, weight, (torch.randn(vocabulary) - 1).requires_grad_() if bias else None


def check(hidden, weight, bias, mask=None, activation="relu"):
    def run(module):
        return lambda h, w, b: module.splade_head(h, w, b, mask=mask, activation=activation)

    assert_matches_reference(run(menura), run(reference), hidden, weight, bias)


@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize(
    ("batch", "tokens", "dim", "vocabulary"),
    [(1, 1, 1, 1), (2, 5, 33, 31), (3, 9, 16, 32), (2, 17, 7, 33), (4, 8, 128, 65), (2, 300, 5, 1000)],
)
def test_sizes(batch, tokens, dim, vocabulary, bias, activation):
    mask = torch.rand(batch, tokens) > 0.4
    mask[0] = False
    inputs = head(batch, tokens, dim, vocabulary, bias=bias)
    check(*inputs, activation=activation)
    check(*inputs, mask=mask, activation=activation)


def test_a_fully_masked_row_is_zero_with_zero_gradient():
    hidden, weight, bias = head(2, 4, 8, 20)
    mask = torch.tensor([[True] * 4, [False] * 4])
    output = menura.splade_head(hidden, weight, bias + 5, mask=mask)
    assert output[1].count_nonzero() == 0
    assert output[0].count_nonzero() == 20
    output.sum().backward()
    assert hidden.grad[1].count_nonzero() == 0
    assert hidden.grad[0].count_nonzero() > 0


def test_the_lowest_index_takes_a_tie():
    hidden = torch.ones(1, 40, 3)
    hidden[0, 0] = -1
    hidden.requires_grad_()
    menura.splade_head(hidden, torch.ones(5, 3)).sum().backward()
    assert hidden.grad[0].any(-1).nonzero().tolist() == [[1]]


def test_negative_logits_are_inactive():
    hidden, weight, bias = head(2, 4, 8, 20)
    output = menura.splade_head(hidden, weight, bias - 100)
    assert output.count_nonzero() == 0
    output.sum().backward()
    assert hidden.grad.count_nonzero() == weight.grad.count_nonzero() == 0


def test_nan_propagates():
    hidden, weight, bias = (tensor.detach() for tensor in head(3, 20, 8, 50))
    hidden[1, 4, 2] = torch.nan
    output = menura.splade_head(hidden, weight, bias)
    assert output[1].isnan().all()
    assert output[[0, 2]].isfinite().all()
    mask = torch.ones(3, 20).bool()
    mask[1, 4] = False
    assert menura.splade_head(hidden, weight, bias, mask=mask).isfinite().all()
    bias[7] = torch.nan
    assert menura.splade_head(hidden, weight, bias, mask=mask).isnan().nonzero()[:, 1].unique().tolist() == [7]


@pytest.mark.parametrize("layout", ["transposed", "sliced", "expanded"])
def test_strides(layout):
    if layout == "transposed":
        hidden, weight = torch.randn(3, 12, 5).transpose(1, 2), torch.randn(12, 40).T
    elif layout == "sliced":
        hidden, weight = torch.randn(3, 9, 20)[:, 2:-2, 3:15], torch.randn(80, 24)[::2, ::2]
    else:
        hidden, weight = torch.randn(5, 12).expand(3, 5, 12), torch.randn(12).expand(40, 12)
    check(hidden.requires_grad_(), weight.requires_grad_(), torch.randn(80)[::2].requires_grad_())


@pytest.mark.parametrize("needed", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)])
def test_gradients_only_where_needed(needed):
    inputs = head(2, 5, 8, 20)
    for tensor, need in zip(inputs, needed, strict=True):
        tensor.requires_grad_(bool(need))
    check(*inputs)


def test_a_tied_embedding_collects_both_gradients():
    embedding = torch.randn(20, 8, dtype=torch.float64, requires_grad=True)
    tokens = torch.randint(20, (2, 5))
    grads = [
        torch.autograd.grad(module.splade_head(embedding[tokens], embedding).sum(), embedding)[0]
        for module in (menura, reference)
    ]
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    hidden, weight, bias = head(2, 5, 40, 60)
    half = hidden.detach().to(dtype).requires_grad_()
    output = menura.splade_head(half, weight, bias)
    assert output.dtype == torch.float32
    torch.testing.assert_close(output, reference.splade_head(half.float(), weight, bias))
    output.sum().backward()
    assert half.grad.dtype == dtype
    assert weight.grad.dtype == torch.float32


@pytest.mark.parametrize(
    "shape", [((0, 4, 8), (20, 8)), ((2, 0, 8), (20, 8)), ((2, 4, 8), (0, 8)), ((2, 4, 0), (5, 0))]
)
def test_zero_length_axes(shape):
    hidden, weight = (torch.randn(size, requires_grad=True) for size in shape)
    output = menura.splade_head(hidden, weight)
    assert output.shape == (hidden.shape[0], weight.shape[0])
    assert output.count_nonzero() == 0
    output.sum().backward()


def test_the_logits_are_never_formed(monkeypatch):
    """No tensor that the operator allocates is larger than its inputs, its output or their gradients."""
    largest = 0
    new_empty = torch.Tensor.new_empty

    def watched(self, *args, **kwargs):
        nonlocal largest
        tensor = new_empty(self, *args, **kwargs)
        largest = max(largest, tensor.numel())
        return tensor

    monkeypatch.setattr(torch.Tensor, "new_empty", watched)
    hidden, weight, bias = head(4, 50, 8, 300)
    menura.splade_head(hidden, weight, bias).sum().backward()
    assert largest == max(hidden.numel(), weight.numel(), 4 * 300)


def test_gradcheck():
    hidden, weight, bias = (tensor.detach().double().requires_grad_() for tensor in head(2, 3, 4, 6))
    mask = torch.tensor([[True, False, True], [True, True, True]])
    for activation in library.ACTIVATIONS:
        torch.autograd.gradcheck(
            lambda h, w, b, a=activation: menura.splade_head(h, w, b, mask=mask, activation=a),
            (hidden, weight, bias),
        )


def test_double_backward_raises():
    hidden, weight, _ = head(2, 3, 4, 6)
    (grad,) = torch.autograd.grad(menura.splade_head(hidden, weight).sum(), hidden, create_graph=True)
    with pytest.raises(RuntimeError, match=r"\[splade_head\] the backward cannot"):
        grad.sum().backward()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (((2, 3, 8), (20, 9)), {}, "must share the hidden size; got 8 and 9"),
        (((2, 8), (20, 8)), {}, r"hidden must be \[B,L,H\]; got shape \[2, 8\]"),
        (((2, 3, 8), (20, 8, 1)), {}, r"weight must be \[V,H\]"),
        (((2, 3, 8), (20, 8), (19,)), {}, r"bias must have shape \[20\]; got \[19\]"),
        (((2, 3, 8), (20, 8)), {"mask": torch.ones(3, 2)}, r"mask must have shape \[2, 3\]; got \[3, 2\]"),
        (((2, 3, 8), (20, 8)), {"activation": "gelu"}, "activation must be one of relu, log1p_relu; got 'gelu'"),
    ],
)
def test_errors(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        menura.splade_head(*(torch.randn(shape) for shape in arguments), **options)
