"""MaxSim against the reference: every layout, mask and size, forward and backward."""

from __future__ import annotations

import pytest
import torch

import menura
from menura.ops import reference
from parity import assert_matches_reference

pytestmark = pytest.mark.usefixtures("isa")


def embeddings(*shape):
    return torch.nn.functional.normalize(torch.randn(shape), dim=-1).requires_grad_()


def hole_mask(*shape):
    mask = torch.rand(shape) > 0.3
    rows = mask.view(-1, shape[-1])
    rows[0] = False  # an empty one
    rows[-1] = True
    return mask


def check(queries, documents, query_mask=None, document_mask=None, function="maxsim", **options):
    def run(module):
        operator = getattr(module, function)
        return lambda q, d: operator(q, d, query_mask=query_mask, document_mask=document_mask, **options)

    assert_matches_reference(run(menura), run(reference), queries, documents)


# (Nq, Lq, Nd, Ld, d): one token, one dimension, around the lanes and row groups of every instruction set
SIZES = [
    (1, 1, 1, 1, 1),
    (2, 1, 3, 2, 33),
    (3, 2, 2, 17, 8),
    (2, 15, 4, 31, 16),
    (2, 16, 3, 8, 128),
    (2, 17, 3, 9, 31),
    (1, 32, 5, 40, 64),
    (4, 33, 2, 23, 7),
    (2, 65, 2, 300, 5),
]


@pytest.mark.parametrize(("nq", "lq", "nd", "ld", "d"), SIZES)
def test_in_batch(nq, lq, nd, ld, d):
    check(embeddings(nq, lq, d), embeddings(nd, ld, d))
    check(embeddings(nq, lq, d), embeddings(nd, ld, d), hole_mask(nq, lq), hole_mask(nd, ld))


@pytest.mark.parametrize(("nq", "lq", "k", "ld", "d"), SIZES)
def test_candidates(nq, lq, k, ld, d):
    check(embeddings(nq, lq, d), embeddings(nq, k, ld, d))
    check(embeddings(nq, lq, d), embeddings(nq, k, ld, d), hole_mask(nq, lq), hole_mask(nq, k, ld))


@pytest.mark.parametrize(("b", "lq", "_", "ld", "d"), SIZES)
def test_pairs(b, lq, _, ld, d):
    check(embeddings(b, lq, d), embeddings(b, ld, d), function="maxsim_pairs")
    check(embeddings(b, lq, d), embeddings(b, ld, d), hole_mask(b, lq), hole_mask(b, ld), function="maxsim_pairs")


@pytest.mark.parametrize("function", ["maxsim", "maxsim_pairs"])
def test_length_normalize(function):
    check(embeddings(3, 6, 12), embeddings(3, 9, 12), hole_mask(3, 6), hole_mask(3, 9), function, length_normalize=True)
    check(embeddings(3, 6, 12), embeddings(3, 9, 12), function=function, length_normalize=True)


@pytest.mark.parametrize("tokens", [256, 257, 32768, 32769])
def test_every_argmax_width(tokens):
    documents = torch.zeros(1, tokens, 4)
    documents[0, -1] = 1
    documents.requires_grad_()
    menura.maxsim(torch.ones(1, 2, 4), documents).sum().backward()
    assert documents.grad[0, -1].tolist() == [2, 2, 2, 2]
    assert documents.grad[0, :-1].count_nonzero() == 0


def test_the_lowest_index_takes_a_tie():
    token = torch.tensor([1.0, 2.0, 3.0])
    documents = torch.stack([-token, token, token, token]).repeat(1, 20, 1).requires_grad_()
    queries = token.expand(1, 2, 3).clone()
    menura.maxsim(queries, documents).sum().backward()
    assert documents.grad[0].any(-1).nonzero().tolist() == [[1]]


def test_masked_tokens_never_score_zero():
    queries = torch.tensor([[[1.0, 0.0]]])
    documents = torch.tensor([[[-1.0, 0.0], [0.0, 0.0], [-0.5, 0.0]]])
    mask = torch.tensor([[True, False, True]])
    assert menura.maxsim(queries, documents, document_mask=mask).item() == -0.5


def test_empty_documents_and_queries():
    queries, documents = embeddings(2, 3, 4), embeddings(2, 5, 4)
    query_mask = torch.tensor([[True] * 3, [False] * 3])
    document_mask = torch.tensor([[True] * 5, [False] * 5])
    scores = menura.maxsim(queries, documents, query_mask=query_mask, document_mask=document_mask)
    assert scores[0, 1].item() == scores[1, 1].item() == -1e9
    assert scores[1, 0].item() == 0
    scores.sum().backward()
    assert queries.grad[1].count_nonzero() == 0
    assert documents.grad[1].count_nonzero() == 0
    assert queries.grad[0].count_nonzero() > 0


@pytest.mark.parametrize(
    ("queries", "documents", "expected"),
    [
        ((0, 3, 4), (2, 5, 4), (0, 2)),
        ((2, 3, 4), (0, 5, 4), (2, 0)),
        ((2, 0, 4), (3, 5, 4), (2, 3)),
        ((2, 3, 4), (3, 0, 4), (2, 3)),
        ((2, 3, 0), (3, 5, 0), (2, 3)),
        ((2, 3, 4), (2, 0, 5, 4), (2, 0)),
    ],
)
def test_zero_length_axes(queries, documents, expected):
    queries, documents = torch.randn(queries, requires_grad=True), torch.randn(documents, requires_grad=True)
    scores = menura.maxsim(queries, documents)
    assert scores.shape == expected
    torch.testing.assert_close(scores, reference.maxsim(queries, documents))
    scores.sum().backward()
    assert queries.grad.count_nonzero() == 0


@pytest.mark.parametrize("where", ["queries", "documents"])
def test_nan_propagates(where):
    queries, documents = torch.randn(2, 20, 8), torch.randn(3, 30, 8)
    (queries if where == "queries" else documents)[1, 4, 2] = torch.nan
    scores = menura.maxsim(queries, documents)
    assert torch.equal(scores.isnan(), reference.maxsim(queries, documents).isnan())
    assert scores.isnan().any()
    assert not scores.isnan().all()


def test_nan_in_a_masked_token_is_not_seen():
    queries, documents = torch.randn(2, 5, 8), torch.randn(3, 7, 8)
    query_mask, document_mask = torch.ones(2, 5).bool(), torch.ones(3, 7).bool()
    queries[1, 2], query_mask[1, 2] = torch.nan, False
    documents[2, 4], document_mask[2, 4] = torch.nan, False
    queries.requires_grad_(), documents.requires_grad_()
    check(queries, documents, query_mask, document_mask)
    menura.maxsim(queries, documents, query_mask=query_mask, document_mask=document_mask).sum().backward()
    assert queries.grad.isfinite().all()
    assert documents.grad.isfinite().all()


def test_infinite_similarities():
    queries, documents = torch.randn(1, 3, 4), torch.full((1, 5, 4), -torch.inf)
    assert menura.maxsim(queries.abs(), documents).item() == -torch.inf
    assert menura.maxsim(queries.abs(), -documents).item() == torch.inf


@pytest.mark.parametrize("layout", ["transposed", "sliced", "strided", "expanded"])
def test_strides(layout):
    def view(*shape):
        *lead, tokens, d = shape
        if layout == "transposed":
            return torch.randn(*lead, d, tokens).transpose(-1, -2).requires_grad_()
        if layout == "sliced":
            return torch.randn(*lead, tokens + 3, d + 2)[..., 1:-2, 1:-1].requires_grad_()
        if layout == "strided":
            return torch.randn(*lead, tokens * 2, d * 2)[..., ::2, ::2].requires_grad_()
        return torch.randn(tokens, d).expand(shape).requires_grad_()

    check(view(3, 5, 12), view(4, 9, 12))
    check(view(3, 5, 12), view(3, 2, 9, 12))


def test_permuted_batch_axes():
    queries = torch.randn(5, 3, 12).transpose(0, 1).requires_grad_()
    documents = torch.randn(9, 2, 3, 12).permute(2, 1, 0, 3).requires_grad_()
    check(queries, documents)


@pytest.mark.parametrize("side", ["queries", "documents"])
def test_one_sided_gradients(side):
    queries, documents = embeddings(2, 5, 8), embeddings(3, 7, 8)
    (documents if side == "queries" else queries).requires_grad_(False)
    check(queries, documents)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    queries, documents = embeddings(2, 5, 40).to(dtype).detach(), embeddings(3, 7, 40).to(dtype).detach()
    queries.requires_grad_(), documents.requires_grad_()
    scores = menura.maxsim(queries, documents)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, reference.maxsim(queries.float(), documents.float()))
    scores.sum().backward()
    assert queries.grad.dtype == dtype


@pytest.mark.cpu_only("Triton's interpreter runs one program after the other")
def test_backward_is_deterministic():
    queries, documents = embeddings(8, 32, 64), embeddings(8, 100, 64)
    grads = [torch.autograd.grad(menura.maxsim(queries, documents).sum(), (queries, documents)) for _ in range(3)]
    for other in grads[1:]:
        assert torch.equal(grads[0][0], other[0])
        assert torch.equal(grads[0][1], other[1])


def test_double_backward_raises():
    queries, documents = embeddings(2, 3, 4), embeddings(2, 3, 4)
    (grad,) = torch.autograd.grad(menura.maxsim(queries, documents).sum(), queries, create_graph=True)
    with pytest.raises(RuntimeError, match=r"\[maxsim\] the backward cannot be differentiated again"):
        grad.sum().backward()


@pytest.mark.cpu_only("a thousand runs are too slow for Triton's interpreter")
def test_gradcheck():
    queries, documents = torch.randn(2, 3, 5).double(), torch.randn(3, 4, 5).double()
    candidates = torch.randn(2, 3, 4, 5).double()
    query_mask, document_mask = torch.rand(2, 3) > 0.3, torch.rand(3, 4) > 0.3
    for tensor in (queries, documents, candidates):
        tensor.requires_grad_()
    torch.autograd.gradcheck(
        lambda q, d: menura.maxsim(q, d, query_mask=query_mask, document_mask=document_mask), (queries, documents)
    )
    torch.autograd.gradcheck(menura.maxsim, (queries, candidates))
    torch.autograd.gradcheck(menura.maxsim_pairs, (queries, documents[:2]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: menura.maxsim(torch.randn(2, 3, 128), torch.randn(2, 3, 96)),
            ValueError,
            r"^\[maxsim\] queries and documents must share the embedding dim; got 128 and 96\.$",
        ),
        (lambda: menura.maxsim(torch.randn(3, 4), torch.randn(2, 3, 4)), ValueError, r"queries must be \[Nq,Lq,d\]"),
        (lambda: menura.maxsim(torch.randn(2, 3, 4), torch.randn(3, 4)), ValueError, r"got shape \[3, 4\]"),
        (lambda: menura.maxsim(torch.randn(2, 3, 4), torch.randn(3, 5, 3, 4)), ValueError, "3 groups for 2 queries"),
        (lambda: menura.maxsim_pairs(torch.randn(2, 3, 4), torch.randn(3, 3, 4)), ValueError, "got 2 and 3"),
        (lambda: menura.maxsim(torch.ones(2, 3, 4).int(), torch.randn(3, 3, 4)), TypeError, "got torch.int32"),
        (lambda: menura.maxsim([[1.0]], torch.randn(3, 3, 4)), TypeError, "got list"),
        (lambda: menura.maxsim(torch.randn(2, 4).to_sparse(), torch.randn(3, 3, 4)), TypeError, "got layout"),
        (
            lambda: menura.maxsim(torch.randn(2, 3, 4), torch.randn(2, 3, 4), query_mask=torch.ones(2, 4)),
            ValueError,
            r"query_mask must have shape \[2, 3\]; got \[2, 4\]",
        ),
        (
            lambda: menura.maxsim(torch.randn(2, 3, 4), torch.randn(2, 3, 4, device="meta")),
            ValueError,
            "one device; got queries on cpu, documents on meta",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
