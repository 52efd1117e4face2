"""The SPLADE head against the reference: every mask, size and activation, forward and backward."""

from __future__ import annotations

import itertools

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


def check(hidden, weight, bias, **options):
    def run(module):
        return lambda h, w, b: module.splade_head(h, w, b, **options).to_dense()

    assert_matches_reference(run(menura), run(reference), hidden, weight, bias)


def cu_seqlens(*lengths, dtype=torch.int64):
    return torch.tensor([0, *lengths]).cumsum(0).to(dtype)


@pytest.mark.parametrize("pooling", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize(
    ("batch", "tokens", "dim", "vocabulary"),
    [(1, 1, 1, 1), (2, 5, 33, 31), (3, 9, 16, 32), (2, 17, 7, 33), (4, 8, 128, 65), (2, 300, 5, 1000), (40, 3, 9, 70)],
)
def test_sizes(batch, tokens, dim, vocabulary, bias, activation, pooling):
    mask = torch.rand(batch, tokens) > 0.4
    mask[0] = False
    inputs = head(batch, tokens, dim, vocabulary, bias=bias)
    check(*inputs, activation=activation, pooling=pooling)
    check(*inputs, mask=mask, activation=activation, pooling=pooling)


def test_more_terms_and_texts_than_tiles_that_a_gpu_keeps_together():
    check(*head(20, 12, 8, 2400), mask=torch.rand(20, 12) > 0.3)


@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_rows_longer_than_the_cache_come_in_pieces(pooling):
    """1,030 tokens of 130 elements are more than one span, and all their logits more than one block of the backward."""
    hidden, weight, bias = head(9, 1030, 130, 600)
    check(hidden, weight, bias, pooling=pooling, mask=torch.rand(9, 1030) > 0.2)


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("pooling", ["max", "sum"])
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
@pytest.mark.parametrize("lengths", [(7,), (3, 0, 5, 1, 20), (0, 0), (1,) * 30, ()])
def test_packed_rows(lengths, dtype, pooling, layout):
    tokens = sum(lengths)
    hidden, weight, bias = head(1, tokens, 16, 70)
    hidden = hidden.detach()[0].requires_grad_()
    options = {"cu_seqlens": cu_seqlens(*lengths, dtype=dtype), "pooling": pooling, "layout": layout}
    check(hidden, weight, bias, **options)
    check(hidden, weight, bias, mask=torch.rand(tokens) > 0.4, **options)


@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_packed_rows_much_longer_than_the_average(layout):
    hidden, weight, bias = head(1, 1200, 5, 70)
    check(hidden.detach()[0].requires_grad_(), weight, bias, cu_seqlens=cu_seqlens(900, 300), layout=layout)


def test_packed_rows_score_as_padded_ones():
    lengths = [4, 9, 1]
    padded, weight, bias = (tensor.detach() for tensor in head(3, 9, 16, 70))
    mask = torch.arange(9) < torch.tensor(lengths)[:, None]
    packed = menura.splade_head(padded[mask], weight, bias, cu_seqlens=cu_seqlens(*lengths))
    assert torch.equal(packed, menura.splade_head(padded, weight, bias, mask=mask))


@pytest.mark.cpu_only("a look at the values would wait for a GPU")
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 4, 12], "from 0 to 12; got 1 to 12"),
        ([0, 4, 11], "from 0 to 12; got 0 to 11"),
        ([0, 8, 4, 12], "must not fall; entry 1 is 8, the next 4"),
        ([-1, 12], "from 0 to 12; got -1 to 12"),
    ],
)
def test_cu_seqlens_that_do_not_fit_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        menura.splade_head(torch.randn(12, 8), torch.randn(20, 8), cu_seqlens=torch.tensor(values))


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("pooling", ["max", "sum"])
@pytest.mark.parametrize("top_k", [1, 5, 69, 1000])
def test_top_k(top_k, pooling, layout):
    hidden, weight, bias = head(3, 6, 16, 70)
    mask = torch.ones(3, 6).bool()
    mask[1] = False
    options = {"mask": mask, "pooling": pooling, "top_k": top_k, "layout": layout}
    check(hidden, weight, bias, **options)
    full = menura.splade_head(hidden, weight, bias, mask=mask, pooling=pooling)
    kept = menura.splade_head(hidden, weight, bias, **options).to_dense()
    assert torch.equal(kept.count_nonzero(1), full.count_nonzero(1).clamp(max=top_k))
    torch.testing.assert_close(kept.sort(1).values[:, -top_k:], full.sort(1).values[:, -top_k:], rtol=0, atol=0)


@pytest.mark.parametrize("apart", [1, 17])
@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_the_lowest_term_takes_a_tie_among_the_top_k(layout, apart):
    bias = torch.full((9 * apart,), -1.0)
    bias[::apart] = torch.tensor([-1.0, 1, 2, 1, 3, 1, torch.inf, torch.nan, 1])
    output = menura.splade_head(torch.zeros(1, 2, 3), torch.zeros(len(bias), 3), bias, top_k=6, layout=layout)
    assert output.to_dense().nonzero()[:, 1].tolist() == [apart * term for term in (1, 2, 3, 4, 6, 7)]


@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_csr_stores_the_active_entries(pooling):
    hidden, weight, bias = head(3, 6, 16, 300)
    dense = menura.splade_head(hidden, weight, bias, pooling=pooling)
    output = menura.splade_head(hidden, weight, bias, pooling=pooling, layout="csr")
    assert output.layout == torch.sparse_csr
    assert output.crow_indices().dtype == output.col_indices().dtype == torch.int64
    expected = dense.detach().to_sparse_csr()
    assert torch.equal(output.crow_indices(), expected.crow_indices())
    assert torch.equal(output.col_indices(), expected.col_indices())
    assert torch.equal(output.values(), expected.values())


CSR_USES = {
    "values": lambda output: output.values().square(),
    "to_dense": lambda output: output.to_dense().square(),
    "matmul": lambda output: output @ torch.linspace(-1, 1, 2 * output.shape[1]).view(-1, 2).to(output.dtype),
    "sparse.mm": lambda output: torch.sparse.mm(output, torch.ones(output.shape[1], 2, dtype=output.dtype)),
    "sampled": lambda output: (output * output).to_dense(),
    "sum": lambda output: output.sum(),
}


@pytest.mark.parametrize("use", CSR_USES)
@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_gradients_flow_through_csr(use, pooling):
    def run(module, layout):
        return lambda h, w, b: CSR_USES[use](module.splade_head(h, w, b, pooling=pooling, layout=layout, top_k=9))

    inputs = head(3, 6, 16, 70)
    assert_matches_reference(run(menura, "csr"), run(reference, "csr"), *inputs)
    if use != "values":
        gradient = CSR_USES[use](menura.splade_head(*inputs, pooling=pooling, top_k=9).to_sparse_csr()).sum()
        ours = torch.autograd.grad(run(menura, "csr")(*inputs).sum(), inputs)
        for own, other in zip(ours, torch.autograd.grad(gradient, inputs), strict=True):
            torch.testing.assert_close(own, other)


@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_the_logarithm_is_rounded_as_torch_rounds_it(activation):
    logits = torch.cat([torch.logspace(-44, 38, 20000), torch.linspace(0, 8, 20000), torch.tensor([torch.inf, 0.0])])
    output = menura.splade_head(torch.ones(1, 1, 1), logits[:, None], activation=activation)[0]
    exact = logits.double().log1p()
    exact = exact if activation == "relu" else exact.log1p()
    assert output[-2:].tolist() == [torch.inf, 0]
    spacing = torch.finfo(torch.float32).eps * exact[:-2] + 2e-45
    assert ((output[:-2].double() - exact[:-2]).abs() <= (1 if activation == "relu" else 2) * spacing).all()


@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_a_fully_masked_row_is_zero_with_zero_gradient(pooling):
    hidden, weight, bias = head(2, 4, 8, 20)
    mask = torch.tensor([[True] * 4, [False] * 4])
    output = menura.splade_head(hidden, weight, bias + 5, mask=mask, pooling=pooling)
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


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_negative_logits_are_inactive(pooling, layout):
    hidden, weight, bias = head(2, 4, 8, 20)
    output = menura.splade_head(hidden, weight, bias - 100, pooling=pooling, layout=layout).to_dense()
    assert output.count_nonzero() == 0
    output.sum().backward()
    assert hidden.grad.count_nonzero() == weight.grad.count_nonzero() == 0


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("pooling", ["max", "sum"])
@pytest.mark.parametrize("tokens", [5, 20])
def test_nan_propagates(tokens, pooling, layout):
    def run(mask=None):
        return menura.splade_head(hidden, weight, bias, mask=mask, pooling=pooling, layout=layout).to_dense()

    hidden, weight, bias = (tensor.detach() for tensor in head(3, tokens, 8, 50))
    hidden[1, 4, 2] = torch.nan
    output = run()
    assert output[1].isnan().all()
    assert output[[0, 2]].isfinite().all()
    mask = torch.ones(3, tokens).bool()
    mask[1, 4] = False
    assert run(mask).isfinite().all()
    bias[7] = torch.nan
    assert run(mask).isnan().nonzero()[:, 1].unique().tolist() == [7]


@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_nan_reaches_the_gradients(pooling):
    hidden, weight, bias = head(2, 5, 8, 20)
    with torch.no_grad():
        hidden[1, 4, 2] = torch.nan
    menura.splade_head(hidden, weight, bias, pooling=pooling).sum().backward()
    assert weight.grad.isnan().any(1).all()
    assert bias.grad.isnan().all()
    assert hidden.grad[0].isfinite().all()
    assert hidden.grad[1, 4].isnan().all()


@pytest.mark.parametrize("layout", ["transposed", "sliced", "expanded"])
def test_strides(layout):
    if layout == "transposed":
        hidden, weight = torch.randn(3, 12, 5).transpose(1, 2), torch.randn(12, 40).T
    elif layout == "sliced":
        hidden, weight = torch.randn(3, 9, 20)[:, 2:-2, 3:15], torch.randn(80, 24)[::2, ::2]
    else:
        hidden, weight = torch.randn(5, 12).expand(3, 5, 12), torch.randn(12).expand(40, 12)
    bias = torch.randn(80)[::2].requires_grad_()
    check(hidden.requires_grad_(), weight.requires_grad_(), bias)
    check(hidden, weight, bias, pooling="sum", layout="csr")


def test_packed_strides():
    hidden = torch.randn(20, 30)[::2, 3:15].requires_grad_()
    check(hidden, torch.randn(40, 12), None, cu_seqlens=cu_seqlens(3, 0, 7), mask=torch.rand(20)[::2] > 0.3)


@pytest.mark.parametrize("pooling", ["max", "sum"])
@pytest.mark.parametrize("needed", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)])
def test_gradients_only_where_needed(needed, pooling):
    inputs = head(2, 5, 8, 20)
    for tensor, need in zip(inputs, needed, strict=True):
        tensor.requires_grad_(bool(need))
    check(*inputs, pooling=pooling)
    check(*inputs, pooling=pooling, layout="csr")


def test_a_tied_embedding_collects_both_gradients():
    embedding = torch.randn(20, 8, dtype=torch.float64, requires_grad=True)
    tokens = torch.randint(20, (2, 5))
    grads = [
        torch.autograd.grad(module.splade_head(embedding[tokens], embedding).sum(), embedding)[0]
        for module in (menura, reference)
    ]
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("pooling", ["max", "sum"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("tokens", "dim"), [(1, 1), (3, 2), (9, 33), (17, 128), (40, 259)])
def test_half_precision(tokens, dim, dtype, pooling, layout):
    """Products and sums as of float32 factors of the same values; gradients are those, rounded once."""
    hidden, weight, bias = head(3, tokens, dim, 70)
    hidden, weight = (tensor.detach().to(dtype).requires_grad_() for tensor in (hidden, weight))
    options = {"mask": torch.rand(3, tokens) > 0.2, "pooling": pooling}
    output = menura.splade_head(hidden, weight, bias, layout=layout, **options).to_dense()
    truth = reference.splade_head(hidden.double(), weight.double(), bias.double(), **options)
    assert output.dtype == torch.float32
    torch.testing.assert_close(output.double(), truth, rtol=1e-5, atol=1e-6 * tokens)
    weights = torch.randn_like(output)
    ours = torch.autograd.grad(output, (hidden, weight, bias), weights)
    exact = torch.autograd.grad(truth, (hidden, weight, bias), weights.double())
    for own, true in zip(ours, exact, strict=True):
        torch.testing.assert_close(own, true, rtol=torch.finfo(own.dtype).eps, atol=1e-5)


def test_half_precision_of_one_factor_is_widened():
    hidden, weight, bias = head(2, 5, 40, 60)
    half = hidden.detach().bfloat16().requires_grad_()
    output = menura.splade_head(half, weight, bias)
    torch.testing.assert_close(output, reference.splade_head(half.float(), weight, bias))
    output.sum().backward()
    assert half.grad.dtype == torch.bfloat16
    assert weight.grad.dtype == torch.float32


def test_autocast_gives_the_weight_the_precision_of_the_states():
    hidden, weight, bias = head(2, 5, 40, 60)
    states = hidden.detach().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        output = menura.splade_head(states, weight, bias)
    torch.testing.assert_close(output, reference.splade_head(states, weight.bfloat16(), bias))
    output.sum().backward()
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


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_the_logits_are_never_formed(monkeypatch, isa, pooling, layout):
    """No tensor that the operator allocates is larger than its inputs, its output or their gradients.

    A GPU finds the entries that it stores in a dense output.
    """
    largest = 0
    new_empty = torch.Tensor.new_empty

    def watched(self, *args, **kwargs):
        nonlocal largest
        tensor = new_empty(self, *args, **kwargs)
        largest = max(largest, tensor.numel())
        return tensor

    monkeypatch.setattr(torch.Tensor, "new_empty", watched)
    hidden, weight, bias = head(9, 50, 8, 700)
    output = menura.splade_head(hidden, weight, bias - 2, pooling=pooling, layout=layout)
    output.sum().backward()
    assert largest == (9 * 700 if layout == "dense" or isa == "triton" else weight.numel())


@pytest.mark.cpu_only("a thousand runs are too slow for Triton's interpreter")
def test_gradcheck():
    hidden, weight, bias = (tensor.detach().double().requires_grad_() for tensor in head(2, 3, 4, 6))
    mask = torch.tensor([[True, False, True], [True, True, True]])
    for pooling, activation in itertools.product(library.POOLINGS, library.ACTIVATIONS):
        for layout in ("dense", "csr"):
            options = {"mask": mask, "pooling": pooling, "activation": activation, "layout": layout, "top_k": 4}
            torch.autograd.gradcheck(
                lambda h, w, b, options=options: menura.splade_head(h, w, b, **options).to_dense(),
                (hidden, weight, bias),
            )


@pytest.mark.cpu_only("the threads are the CPU's")
@pytest.mark.parametrize("pooling", ["max", "sum"])
@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_threads_do_not_change_the_result(pooling, layout):
    before = torch.get_num_threads()
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        inputs = head(3, 40, 20, 900)
        output = menura.splade_head(*inputs, pooling=pooling, layout=layout).to_dense()
        results.append([output, *torch.autograd.grad(output.square().sum(), inputs)])
    torch.set_num_threads(before)
    for one, two, three in zip(*results, strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)


@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_double_backward_raises(layout):
    hidden, weight, _ = head(2, 3, 4, 6)
    output = menura.splade_head(hidden, weight, layout=layout).to_dense()
    (grad,) = torch.autograd.grad(output.sum(), hidden, create_graph=True)
    with pytest.raises(RuntimeError, match=r"\[splade_head\] the backward cannot"):
        grad.sum().backward()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (((2, 3, 8), (20, 9)), {}, "must share the hidden size; got 8 and 9"),
        (((2, 8), (20, 8)), {}, r"hidden must be \[B,L,H\], or \[T,H\] with cu_seqlens; got"),
        (((2, 3, 8), (20, 8, 1)), {}, r"weight must be \[V,H\]"),
        (((2, 3, 8), (20, 8), (19,)), {}, r"bias must have shape \[20\]; got \[19\]"),
        (((2, 3, 8), (20, 8)), {"mask": torch.ones(3, 2)}, r"mask must have shape \[2, 3\]; got \[3, 2\]"),
        (((2, 3, 8), (20, 8)), {"activation": "gelu"}, "activation must be one of relu, log1p_relu; got 'gelu'"),
        (((2, 3, 8), (20, 8)), {"pooling": "mean"}, "pooling must be one of max, sum; got 'mean'"),
        (((2, 3, 8), (20, 8)), {"layout": "coo"}, "layout must be one of dense, csr; got 'coo'"),
        (((2, 3, 8), (20, 8)), {"top_k": 0}, "top_k must be at least 1; got 0"),
        (((2, 3, 8), (20, 8)), {"cu_seqlens": torch.tensor([0, 2])}, r"hidden must be \[T,H\] with cu_seqlens; got"),
        (
            ((3, 8), (20, 8)),
            {"cu_seqlens": torch.tensor([[0, 3]])},
            r"cu_seqlens must be \[N\+1\]; got shape \[1, 2\]",
        ),
    ],
)
def test_errors(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        menura.splade_head(*(torch.randn(shape) for shape in arguments), **options)


def test_cu_seqlens_must_be_integers():
    with pytest.raises(TypeError, match=r"cu_seqlens must be int32 or int64; got torch.float32"):
        menura.splade_head(torch.randn(3, 8), torch.randn(20, 8), cu_seqlens=torch.tensor([0.0, 3]))
