"""The reference itself, against loops that spell the formulas out."""

from __future__ import annotations

import math

import pytest
import torch

from menura.ops import reference


def brute_maxsim(query, document, query_mask, document_mask):
    tokens = [t for t in range(document.shape[0]) if document_mask[t]]
    if not tokens:
        return -1e9
    score = 0.0
    for s in range(query.shape[0]):
        if query_mask[s]:
            score += max(sum(float(a) * float(b) for a, b in zip(query[s], document[t], strict=True)) for t in tokens)
    return score


def masks(*shape):
    mask = torch.rand(shape) > 0.4
    mask.view(-1, shape[-1])[0] = False
    return mask


def test_maxsim_in_batch():
    queries, documents = torch.randn(3, 4, 5).double(), torch.randn(4, 6, 5).double()
    query_mask, document_mask = masks(3, 4), masks(4, 6)
    scores = reference.maxsim(queries, documents, query_mask=query_mask, document_mask=document_mask)
    for i in range(3):
        for j in range(4):
            expected = brute_maxsim(queries[i], documents[j], query_mask[i], document_mask[j])
            assert scores[i, j].item() == pytest.approx(expected, rel=1e-12)


def test_maxsim_candidates_and_pairs():
    queries, documents = torch.randn(3, 4, 5).double(), torch.randn(3, 2, 6, 5).double()
    query_mask, document_mask = masks(3, 4), masks(3, 2, 6)
    scores = reference.maxsim(queries, documents, query_mask=query_mask, document_mask=document_mask)
    for i in range(3):
        for k in range(2):
            expected = brute_maxsim(queries[i], documents[i, k], query_mask[i], document_mask[i, k])
            assert scores[i, k].item() == pytest.approx(expected, rel=1e-12)
    pairs = reference.maxsim_pairs(queries, documents[:, 1], query_mask=query_mask, document_mask=document_mask[:, 1])
    assert torch.equal(pairs, scores[:, 1])


def test_maxsim_length_normalize_divides_by_the_counted_query_tokens():
    queries, documents = torch.randn(3, 4, 5), torch.randn(2, 6, 5)
    query_mask = torch.tensor([[1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]]).bool()
    plain = reference.maxsim(queries, documents, query_mask=query_mask)
    mean = reference.maxsim(queries, documents, query_mask=query_mask, length_normalize=True)
    torch.testing.assert_close(mean, plain / torch.tensor([[2.0], [4.0], [1.0]]))


def test_maxsim_normalize_divides_by_lengths():
    queries, documents = torch.randn(2, 3, 5).double(), torch.randn(3, 4, 5).double()
    documents[1, 2] = 0
    lengths = [[math.sqrt(sum(float(x) ** 2 for x in token)) for token in text] for text in [*queries, *documents]]
    every = torch.ones(4).bool()
    scores = reference.maxsim(queries, documents, normalize=True)
    for i in range(2):
        for j in range(3):
            query = [[float(x) / lengths[i][s] for x in queries[i, s]] for s in range(3)]
            document = [[float(x) / (lengths[2 + j][t] or 1) for x in documents[j, t]] for t in range(4)]
            units = (torch.tensor(text, dtype=torch.float64) for text in (query, document))
            expected = brute_maxsim(*units, every, every)
            assert scores[i, j].item() == pytest.approx(expected, rel=1e-12)


def brute_splade_head(hidden, weight, bias, mask, pooling, activation):
    output = torch.zeros(hidden.shape[0], weight.shape[0], dtype=torch.float64)
    for b in range(hidden.shape[0]):
        for v in range(weight.shape[0]):
            pooled = [0.0]
            for t in range(hidden.shape[1]):
                if mask[b, t]:
                    activated = math.log1p(max(float(hidden[b, t] @ weight[v] + bias[v]), 0.0))
                    pooled.append(math.log1p(activated) if activation == "log1p_relu" else activated)
            output[b, v] = max(pooled) if pooling == "max" else sum(pooled)
    return output


@pytest.mark.parametrize("pooling", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_splade_head(activation, pooling):
    hidden, weight, bias = torch.randn(3, 4, 5).double(), torch.randn(7, 5).double(), torch.randn(7).double()
    mask = masks(3, 4)
    options = {"pooling": pooling, "activation": activation}
    expected = brute_splade_head(hidden, weight, bias, mask, pooling, activation)
    output = reference.splade_head(hidden, weight, bias, mask=mask, **options)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=0)

    csr = reference.splade_head(hidden, weight, bias, mask=mask, layout="csr", **options)
    assert csr.values().numel() == expected.count_nonzero()
    assert torch.equal(csr.to_dense(), output)

    best = reference.splade_head(hidden, weight, bias, mask=mask, top_k=2, **options)
    for b in range(3):
        kept = sorted(range(7), key=lambda v: (-output[b, v].item(), v))[:2]
        assert best[b].nonzero()[:, 0].tolist() == sorted(v for v in kept if output[b, v] > 0)
        assert torch.equal(best[b, kept], output[b, kept])

    # The same tokens packed, holes included.
    cu_seqlens = torch.tensor([0, 4, 4, 7])
    packed = torch.cat([hidden[1], hidden[2, :3]])
    packed_mask = torch.cat([mask[1], mask[2, :3]])
    output = reference.splade_head(packed, weight, bias, mask=packed_mask, cu_seqlens=cu_seqlens, **options)
    mask[0], mask[2, 3] = False, False
    expected = brute_splade_head(hidden[[1, 0, 2]], weight, bias, mask[[1, 0, 2]], pooling, activation)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=0)


def test_sparse_dot():
    queries, documents = torch.randn(3, 9).relu().double(), torch.randn(4, 9).relu().double()
    scores = reference.sparse_dot(queries, documents)
    for i in range(3):
        for j in range(4):
            expected = sum(float(queries[i, v] * documents[j, v]) for v in range(9))
            assert scores[i, j].item() == pytest.approx(expected, rel=1e-12)
    assert torch.allclose(reference.sparse_dot(queries, documents[:3], pairwise=True), scores[:, :3].diagonal())


def test_flops():
    x = torch.randn(4, 6).double()
    mean = sum((sum(abs(float(x[b, v])) for b in range(4)) / 4) ** 2 for v in range(6))
    pairs = sum(
        abs(float(x[b, v])) * abs(float(x[c, v])) for v in range(6) for b in range(4) for c in range(4) if b != c
    )
    assert reference.flops(x).item() == pytest.approx(mean, rel=1e-12)
    assert reference.flops(x, estimator="unbiased").item() == pytest.approx(pairs / 12, rel=1e-12)


def test_sparse_layouts_mean_the_same_matrix():
    crow, col = torch.tensor([0, 3, 3, 4]), torch.tensor([4, 1, 4, 0])  # column 4 twice
    values = torch.randn(4).double()
    matrix = torch.zeros(3, 6).double()
    for row, column, value in zip([0, 0, 0, 2], col, values, strict=True):
        matrix[row, column] += value
    other = torch.randn(2, 6).double()
    csr = torch.sparse_csr_tensor(crow, col, values, (3, 6))
    coo = torch.sparse_coo_tensor(torch.stack([torch.tensor([0, 0, 0, 2]), col]), values, (3, 6))
    for sparse in (csr, coo):
        torch.testing.assert_close(reference.sparse_dot(sparse, other), reference.sparse_dot(matrix, other))
        torch.testing.assert_close(reference.flops(sparse), reference.flops(matrix))


def test_document_frequencies_weigh_the_activations():
    frequency = torch.tensor([0.0, 0.02, 0.1, 0.5, 1.0], dtype=torch.float64)
    weights = []
    for share in frequency.tolist():
        spread = math.exp(math.log(share) * math.log(2) / math.log(0.1)) if share else math.inf
        weights.append(1 / (1 + (spread - 1) ** 10))
    assert weights[::2] == pytest.approx([0, 0.5, 1], rel=1e-12)
    x = torch.randn(4, 5).double()
    expected = sum((sum(weights[v] * abs(float(x[b, v])) for b in range(4)) / 4) ** 2 for v in range(5))
    assert reference.flops(x, document_frequency=frequency).item() == pytest.approx(expected, rel=1e-12)
    pairs = sum(
        weights[v] ** 2 * abs(float(x[b, v] * x[c, v])) for v in range(5) for b in range(4) for c in range(4) if b != c
    )
    unbiased = reference.flops(x, estimator="unbiased", document_frequency=frequency)
    assert unbiased.item() == pytest.approx(pairs / 12, rel=1e-12)
