"""Search against all scores, sorted."""

from __future__ import annotations

import pytest
import torch

import menura
from menura.ops import reference


def texts(lengths, d=12):
    return torch.randn(sum(lengths), d), torch.tensor([0, *torch.tensor(lengths).cumsum(0).tolist()])


LENGTHS = [5, 1, 0, 9, 3, 7, 2, 4, 30, 6, 1]


@pytest.mark.parametrize("k", [1, 4, 11, 20])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_search_finds_the_best(k, batch_size):
    (queries, cu_seqlens_q), (documents, cu_seqlens_d) = texts([4, 0, 33]), texts(LENGTHS)
    scores, found = menura.search(queries, documents, cu_seqlens_q, cu_seqlens_d, k, batch_size=batch_size)
    matrix = reference.maxsim_packed(queries, documents, cu_seqlens_q, cu_seqlens_d)
    best, order = matrix.sort(dim=1, descending=True, stable=True)
    torch.testing.assert_close(scores, best[:, :k])
    assert torch.equal(found, order[:, :k])


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_ties_keep_the_order_of_the_documents(batch_size):
    queries, cu_seqlens_q = texts([3])
    documents = torch.randn(1, 12).expand(9, 12)
    _, found = menura.search(queries, documents, cu_seqlens_q, torch.arange(10), 5, batch_size=batch_size)
    assert found.tolist() == [[0, 1, 2, 3, 4]]


def test_quantized_documents():
    (queries, cu_seqlens_q), (documents, cu_seqlens_d) = texts([4, 8]), texts(LENGTHS)
    whole, scales = menura.quantize(documents)
    scores, found = menura.search(queries, whole, cu_seqlens_q, cu_seqlens_d, 3, document_scales=scales, batch_size=2)
    matrix = menura.maxsim_packed(queries, whole, cu_seqlens_q, cu_seqlens_d, document_scales=scales)
    assert torch.equal(scores, matrix.sort(1, descending=True).values[:, :3])
    assert torch.equal(matrix.gather(1, found), scores)


def test_nothing_to_search():
    (queries, cu_seqlens_q), empty = texts([4, 8]), torch.empty(0, 12)
    scores, found = menura.search(queries, empty, cu_seqlens_q, torch.tensor([0]), 3)
    assert scores.shape == found.shape == (2, 0)


@pytest.mark.parametrize(
    ("options", "message"), [({"k": 0}, "k must be at least 1"), ({"k": 1, "batch_size": 0}, "batch")]
)
def test_errors(options, message):
    tokens, offsets = texts([2])
    with pytest.raises(ValueError, match=rf"\[search\] {message}"):
        menura.search(tokens, tokens, offsets, offsets, **options)
