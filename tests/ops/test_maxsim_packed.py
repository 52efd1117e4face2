"""Packed MaxSim, short and long queries, listed pairs, and half precision and int8 embeddings."""

from __future__ import annotations

import pytest
import torch

import menura
from menura.ops import reference
from parity import assert_matches_reference, assert_rounded_once

pytestmark = pytest.mark.usefixtures("isa")


def packed(lengths, d):
    tokens = torch.nn.functional.normalize(torch.randn(sum(lengths), d), dim=-1).requires_grad_()
    return tokens, torch.tensor([0, *torch.tensor(lengths).cumsum(0).tolist()])


def check(query_lengths, document_lengths, d, pairs=None, **options):
    queries, cu_seqlens_q = packed(query_lengths, d)
    documents, cu_seqlens_d = packed(document_lengths, d)
    pairs = None if pairs is None else torch.tensor(pairs).view(-1, 2)

    def run(module):
        return lambda q, d: module.maxsim_packed(q, d, cu_seqlens_q, cu_seqlens_d, pairs=pairs, **options)

    assert_matches_reference(run(menura), run(reference), queries, documents)


# Empty texts, one token, and around the lanes and row groups of every instruction set.
LENGTHS = [
    ([1], [1]),
    ([0], [3]),
    ([3, 0, 17], [5, 0, 8, 9]),
    ([1] * 40, [7, 1]),
    ([16, 15, 33, 1, 0, 2], [31, 1, 64]),
    ([600, 3], [20, 0, 300]),  # a query of several groups of panels
]


@pytest.mark.parametrize(("query_lengths", "document_lengths"), LENGTHS)
@pytest.mark.parametrize("d", [2, 33])
def test_every_query_with_every_document(query_lengths, document_lengths, d):
    check(query_lengths, document_lengths, d)


@pytest.mark.parametrize("pairs", [[[0, 0]], [[2, 3], [0, 0], [2, 3], [1, 1], [1, 0], [0, 1]]], ids=["one", "repeated"])
def test_listed_pairs(pairs):
    check([3, 0, 17], [5, 0, 8, 9], 12, pairs)


def test_listed_pairs_without_gradient():
    (queries, cu_seqlens_q), (documents, cu_seqlens_d) = packed([3, 0, 17], 12), packed([5, 0, 8, 9], 12)
    pairs = torch.tensor([[2, 3], [0, 0], [1, 1], [2, 1]])
    inputs = queries.detach(), documents.detach(), cu_seqlens_q, cu_seqlens_d
    torch.testing.assert_close(
        menura.maxsim_packed(*inputs, pairs=pairs), reference.maxsim_packed(*inputs, pairs=pairs)
    )


def test_no_pairs():
    queries, offsets = packed([3, 4], 5)
    scores = menura.maxsim_packed(queries, queries.detach(), offsets, offsets, pairs=torch.empty(0, 2).long())
    scores.sum().backward()
    assert scores.shape == (0,)
    assert queries.grad.count_nonzero() == 0


def test_length_normalize():
    check([3, 0, 17], [5, 2], 8, length_normalize=True)
    check([3, 0, 17], [5, 2], 8, [[2, 0], [0, 1], [1, 1]], length_normalize=True)


def test_packed_and_padded_agree():
    lengths = torch.tensor([3, 9, 1])
    documents = torch.randn(3, 9, 16)
    mask = torch.arange(9) < lengths[:, None]
    offsets = torch.tensor([0, 3, 12, 13])
    queries = torch.randn(2, 5, 16)
    padded = menura.maxsim(queries, documents, document_mask=mask)
    assert torch.equal(
        padded, menura.maxsim_packed(queries.flatten(0, 1), documents[mask], torch.tensor([0, 5, 10]), offsets)
    )


def test_int32_offsets_and_strided_rows():
    documents = torch.randn(8, 24)[:, ::2]
    offsets = torch.tensor([0, 3, 8])
    queries, cu_seqlens_q = torch.randn(12, 5).T, torch.tensor([0, 5])
    torch.testing.assert_close(
        menura.maxsim_packed(queries, documents, cu_seqlens_q.int(), offsets.int()),
        reference.maxsim_packed(queries, documents, cu_seqlens_q, offsets),
    )


@pytest.mark.parametrize("queries", [1, 2, 5, 31, 33, 70])
def test_short_queries_share_panels(queries):
    tokens, documents = torch.randn(queries, 3, 20), torch.randn(4, 11, 20)
    mask = torch.rand(queries, 3) > 0.4
    torch.testing.assert_close(
        menura.maxsim(tokens, documents, query_mask=mask), reference.maxsim(tokens, documents, query_mask=mask)
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("d", [1, 2, 33, 128])
def test_half_precision(dtype, d):
    queries = torch.nn.functional.normalize(torch.randn(3, 17, d), dim=-1).to(dtype).requires_grad_()
    documents = torch.nn.functional.normalize(torch.randn(4, 41, d), dim=-1).to(dtype).requires_grad_()
    query_mask, document_mask = torch.rand(3, 17) > 0.3, torch.rand(4, 41) > 0.3
    masks = {"query_mask": query_mask, "document_mask": document_mask}
    scores = menura.maxsim(queries, documents, **masks)
    truth = reference.maxsim(queries.double(), documents.double(), **masks)
    assert_rounded_once(scores, truth, (queries, documents), atol=1e-6)


def every_number(dtype):
    return torch.arange(-32768, 32768).to(torch.int16).view(dtype)


@pytest.mark.cpu_only("65,536 documents are too many for Triton's interpreter")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("d", [1, 32])
def test_every_half_precision_number_is_read_right(dtype, d):
    documents = torch.zeros(65536, 1, d, dtype=dtype)
    documents[:, 0, 0] = every_number(dtype)
    queries = torch.zeros(1, 1, d, dtype=dtype)
    queries[..., 0] = 1
    expected = every_number(dtype).float()
    if dtype == torch.bfloat16:
        expected[expected.abs() < torch.finfo(torch.float32).tiny] = 0  # the instruction takes these for zero
    scores = menura.maxsim(queries, documents)[0]
    scores[scores.abs() < torch.finfo(torch.float32).tiny] = 0
    assert torch.equal(scores.isnan(), expected.isnan())
    assert torch.equal(scores.nan_to_num(), expected.nan_to_num())


@pytest.mark.cpu_only("65,536 documents are too many for Triton's interpreter")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("d", [1, 32])
def test_gradients_are_rounded_to_even(dtype, d):
    numbers = every_number(dtype).float()
    between = torch.cat([numbers, (numbers[1:] + numbers[:-1]) / 2, torch.randn(1000) * 1e-7, torch.tensor([1e30])])
    documents = torch.zeros(len(between), 1, d, dtype=dtype).requires_grad_()
    menura.maxsim(torch.ones(1, 1, d, dtype=dtype), documents)[0].backward(between)
    expected = between.to(dtype)[:, None].expand(-1, d)
    got = documents.grad[:, 0]
    assert torch.equal(got.isnan(), expected.isnan())
    assert torch.equal(got.nan_to_num(), expected.nan_to_num())


@pytest.mark.parametrize("d", [1, 3, 33, 128, 770])
def test_int8(d):
    queries, query_scales = menura.quantize(torch.randn(3, 17, d))
    documents, document_scales = menura.quantize(torch.randn(4, 41, d))
    options = {
        "query_mask": torch.rand(3, 17) > 0.3,
        "document_mask": torch.rand(4, 41) > 0.3,
        "query_scales": query_scales,
        "document_scales": document_scales,
    }
    scores = menura.maxsim(queries, documents, **options)
    truth = reference.maxsim(
        queries,
        documents,
        **{**options, "query_scales": query_scales.double(), "document_scales": document_scales.double()},
    )
    torch.testing.assert_close(scores.double(), truth, rtol=1e-6, atol=1e-6 * d**0.5)


def test_int8_of_the_widest_numbers():
    queries = torch.tensor([127, -127, -128]).repeat(40)[None, None].to(torch.int8)
    documents = torch.cat([queries, -queries.clamp(min=-127)], 1)
    scores = menura.maxsim(queries, documents, query_scales=torch.ones(1, 1), document_scales=torch.ones(1, 2))
    assert scores.item() == queries.double().square().sum()


def test_float_queries_are_quantized_for_int8_documents():
    queries, (documents, scales) = torch.randn(2, 5, 24), menura.quantize(torch.randn(3, 9, 24))
    whole, query_scales = menura.quantize(queries)
    assert torch.equal(
        menura.maxsim(queries, documents, document_scales=scales),
        menura.maxsim(whole, documents, query_scales=query_scales, document_scales=scales),
    )
    assert torch.equal(
        menura.maxsim_pairs(queries, documents[:2], document_scales=scales[:2]),
        menura.maxsim(queries, documents[:2], document_scales=scales[:2]).diagonal(),
    )
    packed = menura.maxsim_packed(
        queries.flatten(0, 1),
        documents.flatten(0, 1),
        torch.tensor([0, 5, 10]),
        torch.tensor([0, 9, 18, 27]),
        document_scales=scales.flatten(),
    )
    assert torch.equal(packed, menura.maxsim(queries, documents, document_scales=scales))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int8])
def test_nan_propagates_in_every_dtype(dtype):
    queries, documents = torch.randn(2, 20, 8), torch.randn(3, 30, 8)
    documents[1, 4, 2] = torch.nan
    scales = None
    if dtype == torch.int8:
        documents, scales = menura.quantize(documents)
    else:
        queries, documents = queries.to(dtype), documents.to(dtype)
    scores = menura.maxsim(queries, documents, document_scales=scales)
    assert scores.isnan().tolist() == [[False, True, False]] * 2


@pytest.mark.cpu_only("a thousand runs are too slow for Triton's interpreter")
def test_gradcheck():
    queries, documents = torch.randn(7, 5).double().requires_grad_(), torch.randn(9, 5).double().requires_grad_()
    offsets = torch.tensor([0, 3, 3, 7]), torch.tensor([0, 4, 9])
    torch.autograd.gradcheck(lambda q, d: menura.maxsim_packed(q, d, *offsets), (queries, documents))
    pairs = torch.tensor([[2, 0], [0, 1], [2, 0]])
    torch.autograd.gradcheck(lambda q, d: menura.maxsim_packed(q, d, *offsets, pairs=pairs), (queries, documents))


def test_double_backward_raises():
    queries, offsets = packed([3, 4], 4)
    (grad,) = torch.autograd.grad(
        menura.maxsim_packed(queries, queries, offsets, offsets).sum(), queries, create_graph=True
    )
    with pytest.raises(RuntimeError, match=r"\[maxsim_packed\] the backward cannot be differentiated again"):
        grad.sum().backward()


TOKENS, OFFSETS = torch.randn(5, 4), torch.tensor([0, 5])
WHOLE = TOKENS.to(torch.int8)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: menura.maxsim_packed(TOKENS[None], TOKENS, OFFSETS, OFFSETS), ValueError, r"queries must be \[Tq,d\]"),
        (lambda: menura.maxsim_packed(TOKENS, TOKENS[:, :3], OFFSETS, OFFSETS), ValueError, "got 4 and 3"),
        (
            lambda: menura.maxsim_packed(TOKENS, TOKENS, OFFSETS.float(), OFFSETS),
            TypeError,
            "cu_seqlens_q must be int32",
        ),
        (
            lambda: menura.maxsim_packed(TOKENS, TOKENS, OFFSETS, OFFSETS, pairs=torch.tensor([0, 0])),
            ValueError,
            r"pairs must be \[P,2\]; got shape \[2\]",
        ),
        (lambda: menura.maxsim(TOKENS[None], WHOLE[None]), ValueError, "int8 embeddings need document_scales"),
        (
            lambda: menura.maxsim(TOKENS[None], TOKENS[None], document_scales=torch.ones(1, 5)),
            ValueError,
            "document_scales go with int8 embeddings; got torch.float32",
        ),
        (
            lambda: menura.maxsim(TOKENS[None], WHOLE[None], document_scales=torch.ones(1, 4)),
            ValueError,
            r"document_scales must have shape \[1, 5\]; got \[1, 4\]",
        ),
        (lambda: menura.maxsim(WHOLE[None], TOKENS[None]), TypeError, "int8 queries need int8 documents"),
        (
            lambda: menura.maxsim(TOKENS[None].requires_grad_(), WHOLE[None], document_scales=torch.ones(1, 5)),
            TypeError,
            "int8 documents give queries no gradient",
        ),
        (lambda: menura.quantize(WHOLE), TypeError, r"\[quantize\] embeddings must be floating point; got torch.int8"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.cpu_only("a look at the values would wait for a GPU")
@pytest.mark.parametrize(
    ("cu_seqlens_q", "cu_seqlens_d", "pairs", "message"),
    [
        (OFFSETS, OFFSETS - 1, None, "cu_seqlens_d must go from 0 to 5; got -1 to 4"),
        (torch.tensor([0, 4, 3, 5]), OFFSETS, None, "cu_seqlens_q must not fall; entry 1 is 4, the next 3"),
        (OFFSETS, OFFSETS, torch.tensor([[0, 0], [0, 1]]), r"one of 1 queries and 1 documents; pair 1 is \[0, 1\]"),
    ],
)
def test_values_that_do_not_fit(cu_seqlens_q, cu_seqlens_d, pairs, message):
    with pytest.raises(ValueError, match=message):
        menura.maxsim_packed(TOKENS, TOKENS, cu_seqlens_q, cu_seqlens_d, pairs=pairs)
