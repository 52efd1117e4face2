"""MaxSim of cosines: tokens divided by their lengths inside the operators, forward and backward."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

import menura
from menura.ops import reference
from parity import assert_matches_reference, assert_rounded_once

pytestmark = pytest.mark.usefixtures("isa")


def embeddings(*shape):
    """Tokens of very different lengths."""
    return (torch.randn(shape) * torch.logspace(-2, 2, shape[-2])[:, None]).requires_grad_()


def check(function, queries, documents, *layout, **options):
    def run(module):
        operator = getattr(module, function)
        return lambda q, d: operator(q, d, *layout, normalize=True, **options)

    assert_matches_reference(run(menura), run(reference), queries, documents)


def masks(*shapes):
    drawn = [torch.rand(shape) > 0.3 for shape in shapes]
    for mask in drawn:
        mask.view(-1, mask.shape[-1])[0] = False
        mask.view(-1, mask.shape[-1])[-1] = True
    return {"query_mask": drawn[0], "document_mask": drawn[1]}


# (Nq, Lq, Nd, Ld, d): one token; around the lanes of every instruction set; one block of numbers and several
SIZES = [(2, 1, 3, 2, 33), (2, 17, 3, 9, 31), (1, 32, 5, 40, 64), (3, 33, 2, 23, 7), (2, 5, 2, 70, 130)]


@pytest.mark.parametrize(("nq", "lq", "nd", "ld", "d"), SIZES)
def test_in_batch_and_candidates(nq, lq, nd, ld, d):
    check("maxsim", embeddings(nq, lq, d), embeddings(nd, ld, d))
    check("maxsim", embeddings(nq, lq, d), embeddings(nd, ld, d), **masks((nq, lq), (nd, ld)))
    check("maxsim", embeddings(nq, lq, d), embeddings(nq, 3, ld, d), **masks((nq, lq), (nq, 3, ld)))


def test_pairs():
    check("maxsim_pairs", embeddings(3, 5, 40), embeddings(3, 9, 40), length_normalize=True, **masks((3, 5), (3, 9)))


@pytest.mark.parametrize("pairs", [None, torch.tensor([[2, 3], [0, 0], [2, 3], [1, 1]])], ids=["all", "listed"])
def test_packed(pairs):
    offsets = torch.tensor([0, 3, 3, 20]), torch.tensor([0, 5, 5, 13, 22])
    check("maxsim_packed", embeddings(20, 40), embeddings(22, 40), *offsets, pairs=pairs)


def test_permuted_strides_and_one_sided_gradients():
    queries = embeddings(5, 3, 40).detach().transpose(0, 1).requires_grad_()
    documents = embeddings(2, 3, 9, 40).detach().permute(1, 0, 2, 3)
    check("maxsim", queries, documents)
    check("maxsim", queries.detach(), documents.detach().requires_grad_())


def test_is_maxsim_of_normalized_embeddings():
    queries, documents = embeddings(3, 7, 24), embeddings(4, 11, 24)
    fused = menura.maxsim(queries, documents, normalize=True)
    plain = menura.maxsim(normalize(queries, dim=-1), normalize(documents, dim=-1))
    torch.testing.assert_close(fused, plain)
    weights = torch.randn_like(fused)
    ours, theirs = (torch.autograd.grad(scores, (queries, documents), weights) for scores in (fused, plain))
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other)


def test_zeros_stay_zeros_with_zero_gradient():
    queries, documents = torch.randn(1, 3, 40), -torch.rand(2, 5, 40)
    queries[0, 1] = 0
    documents[:, 2] = 0
    queries, documents = queries.abs().requires_grad_(), documents.requires_grad_()
    scores = menura.maxsim(queries, documents, normalize=True)
    assert scores.tolist() == [[0, 0]]  # every other product is negative
    scores.sum().backward()
    assert queries.grad[0, 1].count_nonzero() == 0
    assert documents.grad.count_nonzero() == 0


def test_masked_tokens_may_hold_anything():
    queries, documents = torch.randn(2, 4, 40), torch.randn(3, 6, 40)
    query_mask, document_mask = torch.rand(2, 4) > 0.3, torch.rand(3, 6) > 0.3
    query_mask[:, 0] = document_mask[:, 0] = True
    clean = menura.maxsim(queries, documents, query_mask=query_mask, document_mask=document_mask, normalize=True)
    queries[~query_mask], documents[~document_mask] = torch.nan, torch.inf
    queries.requires_grad_(), documents.requires_grad_()
    scores = menura.maxsim(queries, documents, query_mask=query_mask, document_mask=document_mask, normalize=True)
    assert torch.equal(scores, clean)
    scores.sum().backward()
    assert queries.grad.isfinite().all()
    assert documents.grad.isfinite().all()


@pytest.mark.parametrize("where", ["queries", "documents"])
def test_nan_propagates(where):
    inputs = {"queries": torch.randn(2, 3, 8), "documents": torch.randn(2, 5, 8)}
    inputs[where][0, 1, 2] = torch.nan
    scores = menura.maxsim(**inputs, normalize=True)
    spoilt = scores[0] if where == "queries" else scores[:, 0]
    assert spoilt.isnan().all()
    assert scores.isnan().sum() == 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_not_rounded_again(dtype):
    queries, documents = (
        embeddings(*shape).detach().to(dtype).requires_grad_() for shape in ((2, 17, 48), (3, 21, 48))
    )
    scores = menura.maxsim(queries, documents, normalize=True)
    truth = reference.maxsim(queries.double(), documents.double(), normalize=True)
    assert_rounded_once(scores, truth, (queries, documents), atol=1e-5)


@pytest.mark.cpu_only("a thousand runs are too slow for Triton's interpreter")
def test_gradcheck():
    queries, documents = (torch.randn(shape).double().requires_grad_() for shape in ((2, 3, 5), (3, 4, 5)))
    torch.autograd.gradcheck(lambda q, d: menura.maxsim(q, d, normalize=True), (queries, documents))


def test_int8_cannot_be_normalized():
    values, scales = menura.quantize(torch.randn(2, 3, 8))
    with pytest.raises(TypeError, match=r"^\[maxsim\] int8 documents cannot be normalized; normalize them before"):
        menura.maxsim(torch.randn(1, 3, 8), values, document_scales=scales, normalize=True)
