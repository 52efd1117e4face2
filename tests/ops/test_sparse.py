"""Sparse dot products and FLOPS against the reference, forward and backward."""

from __future__ import annotations

import pytest
import torch

import menura
from menura.ops import reference
from parity import assert_matches_reference

pytestmark = pytest.mark.usefixtures("isa")


def vectors(rows, vocabulary, density=0.1):
    return (torch.rand(rows, vocabulary) * (torch.rand(rows, vocabulary) < density)).requires_grad_()


def check_dot(queries, documents, **options):
    def run(module):
        return lambda q, d: module.sparse_dot(q, d, **options)

    assert_matches_reference(run(menura), run(reference), queries, documents)


def check_flops(activations, estimator):
    def run(module):
        return lambda x: module.flops(x, estimator=estimator)

    assert_matches_reference(run(menura), run(reference), activations)


@pytest.mark.parametrize("density", [0.0, 0.01, 1.0])
@pytest.mark.parametrize(("rows", "columns", "vocabulary"), [(1, 1, 1), (3, 5, 33), (4, 2, 5000), (7, 9, 257)])
def test_sparse_dot(rows, columns, vocabulary, density):
    check_dot(vectors(rows, vocabulary, density), vectors(columns, vocabulary, density))
    check_dot(vectors(rows, vocabulary, density), vectors(rows, vocabulary, density), pairwise=True)


def test_sparse_dot_of_signed_values():
    check_dot(torch.randn(3, 40).requires_grad_(), torch.randn(4, 40).requires_grad_())


@pytest.mark.parametrize("pairwise", [False, True])
@pytest.mark.parametrize("side", ["queries", "documents"])
def test_one_sided_gradients(side, pairwise):
    queries, documents = vectors(3, 50), vectors(3, 50)
    (documents if side == "queries" else queries).requires_grad_(False)
    check_dot(queries, documents, pairwise=pairwise)


@pytest.mark.parametrize("where", ["queries", "documents"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_not_a_number_meets_the_zeros_too(where, value):
    queries, documents = vectors(3, 50).detach(), vectors(4, 50).detach()
    (queries if where == "queries" else documents)[1, 7] = value
    for pairwise in (False, True):
        arguments = (queries, documents[:3]) if pairwise else (queries, documents)
        ours, truth = (module.sparse_dot(*arguments, pairwise=pairwise) for module in (menura, reference))
        torch.testing.assert_close(ours, truth, equal_nan=True)
        assert not ours.isfinite().all()


def test_strides():
    check_dot(torch.randn(30, 4).T.requires_grad_(), torch.randn(10, 60)[::2, ::2].requires_grad_())
    check_dot(torch.randn(30).expand(4, 30).requires_grad_(), torch.randn(4, 30).requires_grad_(), pairwise=True)


@pytest.mark.parametrize("shapes", [((0, 5), (3, 5)), ((3, 5), (0, 5)), ((2, 0), (3, 0))])
def test_zero_length_axes(shapes):
    queries, documents = (torch.rand(shape, requires_grad=True) for shape in shapes)
    scores = menura.sparse_dot(queries, documents)
    torch.testing.assert_close(scores, reference.sparse_dot(queries, documents))
    scores.sum().backward()
    assert queries.grad.shape == queries.shape


def test_sparse_dot_gradcheck():
    queries, documents = vectors(2, 6, 0.5).detach().double(), vectors(3, 6, 0.5).detach().double()
    queries.requires_grad_(), documents.requires_grad_()
    torch.autograd.gradcheck(menura.sparse_dot, (queries, documents))
    torch.autograd.gradcheck(lambda q, d: menura.sparse_dot(q, d, pairwise=True), (queries, documents[:2]))


@pytest.mark.parametrize("estimator", ["mean", "unbiased"])
@pytest.mark.parametrize(("rows", "vocabulary"), [(2, 1), (3, 33), (8, 5000), (33, 2048)])
def test_flops(rows, vocabulary, estimator):
    check_flops(vectors(rows, vocabulary), estimator)
    check_flops(torch.randn(rows, vocabulary).requires_grad_(), estimator)
    check_flops(torch.randn(vocabulary, rows).T.requires_grad_(), estimator)


def test_flops_of_one_row():
    check_flops(vectors(1, 20), "mean")
    with pytest.raises(ValueError, match="'unbiased' needs at least 2 rows; got 1"):
        menura.flops(torch.rand(1, 20), estimator="unbiased")


def test_the_unbiased_estimator_does_not_depend_on_the_batch():
    population = vectors(4096, 64, 0.2).detach()
    for rows in (2, 16, 256):
        batches = population.split(rows)
        mean = torch.stack([menura.flops(batch, estimator="unbiased") for batch in batches]).mean()
        assert mean.item() == pytest.approx(menura.flops(population, estimator="unbiased").item(), rel=0.02)
    biased = torch.stack([menura.flops(batch) for batch in population.split(2)]).mean()
    assert biased > 2 * menura.flops(population)


def test_flops_gradcheck():
    activations = (torch.rand(4, 6, dtype=torch.float64) + 0.1).requires_grad_()
    for estimator in ("mean", "unbiased"):
        torch.autograd.gradcheck(lambda x, e=estimator: menura.flops(x, estimator=e), activations)


def test_flops_nan():
    activations = vectors(3, 40).detach()
    activations[1, 5] = torch.nan
    assert menura.flops(activations).isnan()


@pytest.mark.parametrize("operator", ["sparse_dot", "flops"])
def test_double_backward_raises(operator):
    activations = vectors(3, 20)
    output = menura.flops(activations) if operator == "flops" else menura.sparse_dot(activations, activations).sum()
    (grad,) = torch.autograd.grad(output, activations, create_graph=True)
    with pytest.raises(RuntimeError, match=rf"\[{operator}\] the backward cannot"):
        grad.sum().backward()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: menura.sparse_dot(torch.rand(2, 5), torch.rand(3, 6)), ValueError, "vocabulary; got 5 and 6"),
        (lambda: menura.sparse_dot(torch.rand(2, 5), torch.rand(5)), ValueError, r"documents must be \[N,V\]"),
        (
            lambda: menura.sparse_dot(torch.rand(2, 5), torch.rand(3, 5), pairwise=True),
            ValueError,
            "as many queries as documents; got 2 and 3",
        ),
        (lambda: menura.sparse_dot(torch.ones(2, 5).long(), torch.rand(3, 5)), TypeError, "got torch.int64"),
        (lambda: menura.flops(torch.rand(5)), ValueError, r"activations must be \[B,V\]; got shape \[5\]"),
        (lambda: menura.flops(torch.rand(0, 5)), ValueError, "needs at least 1 rows; got 0"),
        (lambda: menura.flops(torch.rand(2, 5), estimator="median"), ValueError, "one of mean, unbiased; got 'median'"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
