"""Penalties on activations against loops that spell them out, and their gradients."""

from __future__ import annotations

import pytest
import torch

from menura.losses import L1, AntiZero, DocumentFrequencyFlops, Flops, anti_zero, l1
from menura.losses.encoded import EncodedSplade
from menura.losses.sparsity import active_terms
from menura.ops import reference

VOCABULARY = 7
LAYOUTS = ["dense", "csr"]


def activations(rows, seed=0):
    """Float64, about half of them active; the second row is empty."""
    generator = torch.Generator().manual_seed(seed)
    dense = torch.rand(rows, VOCABULARY, generator=generator, dtype=torch.float64)
    dense = dense.where(torch.rand(rows, VOCABULARY, generator=generator) > 0.5, 0)
    dense[1:2] = 0
    return dense


def as_layout(dense, layout):
    return dense if layout == "dense" else dense.to_sparse_csr()


def encoded(queries, *passages):
    return EncodedSplade(
        queries, list(passages), logits=torch.zeros(len(queries), len(passages)), weights=None, features=[]
    )


def spelled_out_l1(rows):
    return sum(sum(abs(x) for x in row) for row in rows.tolist()) / len(rows)


def spelled_out_anti_zero(rows):
    return sum(1 / sum(row) ** 2 for row in rows.tolist() if sum(row) > 0) / len(rows)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("penalty", "expected"), [(l1, spelled_out_l1), (anti_zero, spelled_out_anti_zero)])
def test_penalties(layout, penalty, expected):
    rows = activations(5)
    assert penalty(as_layout(rows, layout)).item() == pytest.approx(expected(rows))
    assert active_terms(as_layout(rows, layout)).tolist() == [sum(x > 0 for x in row) for row in rows.tolist()]


@pytest.mark.parametrize("penalty", [l1, anti_zero])
def test_gradients(penalty):
    rows = activations(4)
    positive = (rows + 0.1 * (rows > 0)).requires_grad_()
    assert torch.autograd.gradcheck(penalty, (positive[[0, 2, 3]].detach() + 0.01).requires_grad_())
    penalty(positive).backward()
    assert positive.grad.isfinite().all()
    sparse = positive.detach().to_sparse_csr().requires_grad_()
    penalty(sparse).backward()
    entries = positive.detach() > 0
    torch.testing.assert_close(sparse.grad.to_dense()[entries], positive.grad[entries])


def test_anti_zero_pushes_up_and_most_where_least_is_left():
    rows = torch.tensor([[0.1, 0.2], [2.0, 1.0], [0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    anti_zero(rows).backward()
    assert (rows.grad[:2] < 0).all()
    assert rows.grad[0].abs().min() > rows.grad[1].abs().max()
    assert rows.grad[2].tolist() == [0, 0]


def test_nan_is_not_hidden():
    rows = activations(3)
    rows[0, 0] = torch.nan
    assert l1(rows).isnan()
    assert Flops("document", weight=1, estimator="unbiased")(encoded(rows, rows)).isnan()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("threshold", "kept"), [(0, [0, 2, 3, 4]), (2, [2, 4]), (9, [])])
def test_texts_up_to_a_threshold_are_rows_of_zeros(layout, threshold, kept):
    rows = torch.tensor([[1, 2, 0, 0], [0, 0, 0, 0], [1, 1, 3, 0], [0, 4, 0, 0], [5, 1, 1, 1]], dtype=torch.float64)
    masked = torch.zeros_like(rows)
    masked[kept] = rows[kept]
    rows = as_layout(rows, layout).requires_grad_()
    penalty = Flops("query", weight=1, threshold=threshold)(encoded(rows))
    assert penalty.item() == pytest.approx(reference.flops(masked).item())
    penalty.backward()
    grad = rows.grad.to_dense() if layout == "csr" else rows.grad
    assert {row for row in range(5) if grad[row].any()} <= set(kept)


@pytest.mark.parametrize("estimator", ["mean", "unbiased"])
def test_what_a_penalty_is_of(estimator):
    queries, first, second = activations(4, 1), activations(4, 2), activations(4, 3)
    batch = encoded(queries, first, second)
    each = [reference.flops(rows, estimator=estimator).item() for rows in (first, second)]
    expected = {
        "batch": reference.flops(torch.cat([first, second]), estimator=estimator).item(),
        "position_mean": sum(each) / 2,
        "position_sum": sum(each),
    }
    for reduction, value in expected.items():
        regularizer = Flops("document", weight=3, estimator=estimator, reduction=reduction)
        regularizer.share = 0.5
        assert regularizer(batch).item() == pytest.approx(0.5 * value)
        assert regularizer.value.item() == pytest.approx(value)
        asked = Flops("query", weight=3, estimator=estimator, reduction=reduction)(batch).item()
        assert asked == pytest.approx(reference.flops(queries, estimator=estimator).item())


def test_the_unbiased_estimator_means_the_same_at_any_batch_size():
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand(4096, VOCABULARY, generator=generator, dtype=torch.float64).square()
    means = {}
    for estimator in ("mean", "unbiased"):
        objective = Flops("query", weight=1, estimator=estimator)
        means[estimator] = [
            sum(objective(encoded(part)).item() for part in rows.split(size)) / (4096 // size) for size in (2, 64)
        ]
    assert means["unbiased"][0] == pytest.approx(means["unbiased"][1], rel=0.02)
    assert means["mean"][0] > 1.2 * means["mean"][1]


def test_one_text_has_no_unbiased_penalty():
    row = activations(1).requires_grad_()
    penalty = Flops("query", weight=1, estimator="unbiased")(encoded(row))
    penalty.backward()
    assert penalty.item() == 0
    assert not row.grad.any()


def test_document_frequencies_are_those_of_the_training():
    regularizer = DocumentFrequencyFlops("document", weight=1, vocabulary=VOCABULARY, memory=12)
    batches = [activations(4, seed).requires_grad_() for seed in range(5)]
    for seen, batch in enumerate(batches[:3], 1):
        penalty = regularizer(encoded(batch, batch))
        everything = torch.cat(batches[:seen]).detach()
        frequencies = (everything > 0).double().mean(0)
        torch.testing.assert_close(regularizer.frequencies, frequencies)
        expected = reference.flops(batch.detach(), document_frequency=frequencies)
        assert penalty.item() == pytest.approx(expected.item())
    before = regularizer.frequencies.clone()
    regularizer(encoded(batches[3], batches[3]))
    # From here on the last 12 texts count: a batch of 4 is a third of them.
    moved = before + ((batches[3] > 0).double().mean(0) - before) / 3
    torch.testing.assert_close(regularizer.frequencies, moved)
    regularizer(encoded(batches[4].detach(), batches[4].detach()))
    torch.testing.assert_close(regularizer.frequencies, moved)


def test_document_frequencies_are_saved():
    regularizer = DocumentFrequencyFlops("query", weight=1, vocabulary=VOCABULARY)
    regularizer(encoded(activations(4).requires_grad_()))
    copy = DocumentFrequencyFlops("query", weight=1, vocabulary=VOCABULARY)
    copy.load_state_dict(regularizer.state_dict())
    assert torch.equal(copy.frequencies, regularizer.frequencies)
    assert copy.texts == 4


def test_a_memory_without_room():
    with pytest.raises(ValueError, match=r"\[df_flops\] memory must be 1 text or more; got 0"):
        DocumentFrequencyFlops("document", weight=1, vocabulary=VOCABULARY, memory=0)


def test_names_tell_the_sides_apart():
    names = [kind(side, weight=1).name for kind in (Flops, L1, AntiZero) for side in ("query", "document")]
    assert names == [
        "query_flops",
        "document_flops",
        "query_l1",
        "document_l1",
        "query_anti_zero",
        "document_anti_zero",
    ]
