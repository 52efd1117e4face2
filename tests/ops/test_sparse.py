"""Sparse dot products and FLOPS of dense, CSR and COO matrices against the reference, forward and backward."""

from __future__ import annotations

import pytest
import torch

import menura
from menura.ops import reference
from parity import assert_matches_reference, leaf

pytestmark = pytest.mark.usefixtures("isa")


def vectors(rows, vocabulary, density=0.1):
    return (torch.rand(rows, vocabulary) * (torch.rand(rows, vocabulary) < density)).requires_grad_()


def stored(rows, vocabulary, density=0.1, index=torch.int64):
    """The values of a random CSR matrix, and the function that makes the matrix of them: unsorted columns, zeros that
    are stored, repeated columns, and a row without entries."""
    counts = torch.full((rows,), round(density * vocabulary))
    counts[rows // 2] = 0
    crow = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)]).to(index)
    col = torch.randint(vocabulary, (int(crow[-1]),), dtype=index)
    values = torch.randn(len(col))
    values[::7] = 0
    return values.requires_grad_(), lambda values: torch.sparse_csr_tensor(crow, col, values, (rows, vocabulary))


def dense(matrix):
    return matrix


class OnLeaves(torch.autograd.Function):
    """An operator of the matrices made of these values. They are leaves, because torch passes no right gradient
    through a CSR tensor whose columns are unsorted or repeat."""

    @staticmethod
    def forward(ctx, operator, make, *values):
        needed = ctx.needs_input_grad[2:]
        ctx.leaves = [
            make(part.detach()).requires_grad_(need) for make, part, need in zip(make, values, needed, strict=True)
        ]
        with torch.enable_grad():
            ctx.output = operator(*ctx.leaves)
        return ctx.output.detach()

    @staticmethod
    def backward(ctx, grad):
        wanted = [leaf for leaf in ctx.leaves if leaf.requires_grad]
        grads = iter(torch.autograd.grad(ctx.output, wanted, grad, retain_graph=True))
        found = [next(grads) if leaf.requires_grad else None for leaf in ctx.leaves]
        return None, None, *(part if part is None or part.layout == torch.strided else part.values() for part in found)


def check_dot(queries, documents, make=(dense, dense), **options):
    def run(module):
        return lambda q, d: OnLeaves.apply(lambda *m: module.sparse_dot(*m, **options), make, q, d)

    assert_matches_reference(run(menura), run(reference), queries, documents)


def check_flops(activations, make=dense, **options):
    def run(module):
        return lambda x: OnLeaves.apply(lambda m: module.flops(m, **options), (make,), x)

    assert_matches_reference(run(menura), run(reference), activations)


@pytest.mark.parametrize("density", [0.0, 0.01, 1.0])
@pytest.mark.parametrize(("rows", "columns", "vocabulary"), [(1, 1, 1), (3, 5, 33), (4, 2, 5000), (7, 9, 257)])
def test_sparse_dot(rows, columns, vocabulary, density):
    check_dot(vectors(rows, vocabulary, density), vectors(columns, vocabulary, density))
    check_dot(vectors(rows, vocabulary, density), vectors(rows, vocabulary, density), pairwise=True)


def test_gradients_that_exceed_the_caches():
    """They are written another way: 9 MB, and rows that begin anywhere in a cache line."""
    documents = vectors(73, 30_803, 0.002)
    check_dot(vectors(3, 30_803, 0.002), documents)
    check_flops(documents)


def test_sparse_dot_of_signed_values():
    check_dot(torch.randn(3, 40).requires_grad_(), torch.randn(4, 40).requires_grad_())


SHAPES = [(1, 1, 1), (3, 5, 33), (40, 7, 257), (5, 70, 3000), (70, 200, 300)]


@pytest.mark.parametrize("density", [0.0, 0.02, 1.0])
@pytest.mark.parametrize(("rows", "columns", "vocabulary"), SHAPES)
@pytest.mark.parametrize("index", [torch.int32, torch.int64])
def test_sparse_dot_of_csr(rows, columns, vocabulary, density, index):
    (queries, make_query), (documents, make_document) = (
        stored(count, vocabulary, density, index) for count in (rows, columns)
    )
    check_dot(queries, documents, (make_query, make_document))
    matching, make_matching = stored(rows, vocabulary, density, index)
    check_dot(queries, matching, (make_query, make_matching), pairwise=True)


@pytest.mark.parametrize("density", [0.02, 1.0])
@pytest.mark.parametrize(("rows", "columns", "vocabulary"), SHAPES)
def test_sparse_dot_of_csr_and_dense(rows, columns, vocabulary, density):
    queries, make = stored(rows, vocabulary, density)
    check_dot(queries, vectors(columns, vocabulary, density), (make, dense))
    check_dot(vectors(columns, vocabulary, density), queries, (dense, make))
    check_dot(queries, vectors(rows, vocabulary, density), (make, dense), pairwise=True)
    check_dot(vectors(rows, vocabulary, density), queries, (dense, make), pairwise=True)


@pytest.mark.parametrize("pairwise", [False, True])
@pytest.mark.parametrize("layouts", ["csr csr", "csr dense", "dense csr"])
def test_rows_of_unequal_length(layouts, pairwise):
    def ragged():
        crow, col = torch.tensor([0, 1, 1, 101, 104, 105, 106]), torch.randint(40, (106,))
        return torch.randn(106).requires_grad_(), lambda values: torch.sparse_csr_tensor(crow, col, values, (6, 40))

    made = [ragged() if layout == "csr" else (vectors(6, 40), dense) for layout in layouts.split()]
    (queries, documents), make = zip(*made, strict=True)
    check_dot(queries, documents, make, pairwise=pairwise)


@pytest.mark.parametrize("pairwise", [False, True])
@pytest.mark.parametrize("side", ["queries", "documents"])
@pytest.mark.parametrize("layouts", ["dense dense", "csr csr", "csr dense", "dense csr"])
def test_one_sided_gradients(side, pairwise, layouts):
    made = [stored(3, 50) if layout == "csr" else (vectors(3, 50), dense) for layout in layouts.split()]
    (queries, documents), make = zip(*made, strict=True)
    (documents if side == "queries" else queries).requires_grad_(False)
    check_dot(queries, documents, make, pairwise=pairwise)


def test_a_csr_leaf_gets_a_csr_gradient_on_its_entries():
    values, make = stored(4, 60)
    matrix = make(values.detach()).requires_grad_()
    for value in (menura.sparse_dot(matrix, vectors(5, 60)).sum(), menura.flops(matrix)):
        (grad,) = torch.autograd.grad(value, matrix)
        assert grad.layout == torch.sparse_csr
        assert torch.equal(grad.crow_indices(), matrix.crow_indices())
        assert torch.equal(grad.col_indices(), matrix.col_indices())


def made_of_values(queries):
    csr = queries.detach().to_sparse_csr()
    values = queries[queries.detach() != 0]
    return torch.sparse_csr_tensor(csr.crow_indices(), csr.col_indices(), values, csr.shape)


@pytest.mark.parametrize("sparse", [torch.Tensor.to_sparse_csr, torch.Tensor.to_sparse, made_of_values])
def test_a_matrix_made_sparse_in_the_graph_passes_its_gradient_on(sparse):
    queries, documents = vectors(3, 60), vectors(4, 60)

    def value(module, queries):
        return module.sparse_dot(queries, documents).square().sum() + module.flops(queries)

    (ours,) = torch.autograd.grad(value(menura, sparse(queries)), queries)
    (truth,) = torch.autograd.grad(value(reference, queries), queries)
    torch.testing.assert_close(ours, torch.where(queries != 0, truth, 0))


@pytest.mark.parametrize("col", [[2, 1, 0], [1, 1, 0]])
def test_columns_that_torch_cannot_take_a_gradient_through(col):
    values = torch.rand(3, requires_grad=True)
    matrix = torch.sparse_csr_tensor(torch.tensor([0, 2, 3]), torch.tensor(col), values, (2, 5))
    with pytest.raises(ValueError, match=r"\[flops\] activations was computed with gradient, .* columns .* ascend"):
        menura.flops(matrix)
    with torch.no_grad():
        torch.testing.assert_close(menura.flops(matrix), reference.flops(matrix.detach()))


def test_coo_entries_that_repeat_add_up():
    index = torch.tensor([[0, 2, 2, 0], [3, 1, 1, 0]])
    values = torch.tensor([1.0, 2.0, -0.5, 4.0], requires_grad=True)
    matrix = torch.sparse_coo_tensor(index, values, (3, 5))
    weights = torch.rand(3, 5)
    for operator in ("sparse_dot", "flops"):
        ours, truth = (
            (module.sparse_dot(matrix, weights) if operator == "sparse_dot" else module.flops(matrix)).sum()
            for module in (menura, reference)
        )
        torch.testing.assert_close(ours, truth)
        grads = (torch.autograd.grad(value, values, retain_graph=True)[0] for value in (ours, truth))
        torch.testing.assert_close(*grads)
    leaf = matrix.detach().requires_grad_()
    menura.sparse_dot(leaf, weights).sum().backward()
    assert leaf.grad.layout == torch.sparse_coo


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    queries, make = stored(4, 60)
    matrix = make(queries.detach()).to(dtype).requires_grad_()
    documents = vectors(5, 60).detach().to(dtype)
    exact = menura.sparse_dot(matrix.detach().float(), documents.float())
    scores = menura.sparse_dot(matrix, documents)
    assert scores.dtype == torch.float32
    assert torch.equal(scores, exact)
    for value in (scores.sum(), menura.flops(matrix)):
        (grad,) = torch.autograd.grad(value, matrix)
        assert grad.dtype == dtype
        assert grad.layout == torch.sparse_csr


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


@pytest.mark.parametrize("where", ["queries", "documents"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("pairwise", [False, True])
def test_layouts_agree_on_what_is_not_a_number(where, value, pairwise):
    queries, documents = vectors(3, 50).detach(), vectors(3, 50).detach()
    (queries if where == "queries" else documents)[1, 7] = value
    (documents if where == "queries" else queries)[:, 7] = torch.tensor([2.0, -2.0, 0.0])
    truth = reference.sparse_dot(queries, documents, pairwise=pairwise)
    for q in (queries, queries.to_sparse_csr()):
        for d in (documents, documents.to_sparse_csr()):
            torch.testing.assert_close(menura.sparse_dot(q, d, pairwise=pairwise), truth, equal_nan=True)


@pytest.mark.parametrize("layouts", ["dense dense", "csr csr", "csr dense", "dense csr"])
def test_a_gradient_that_is_not_a_number_reaches_every_entry(layouts):
    made = [stored(5, 50) if layout == "csr" else (vectors(5, 50), dense) for layout in layouts.split()]
    (queries, documents), make = zip(*made, strict=True)
    weights = torch.rand(5, 5)
    weights[1, 4] = torch.nan
    grads = [
        torch.autograd.grad(OnLeaves.apply(module.sparse_dot, make, queries, documents), (queries, documents), weights)
        for module in (menura, reference)
    ]
    for ours, truth in zip(*grads, strict=True):
        torch.testing.assert_close(ours, truth, equal_nan=True)


def test_strides():
    wide = torch.sparse_csr_tensor(torch.tensor([0, 2, 3]), torch.tensor([1, 0, 2]), torch.rand(6)[::2], (2, 4))
    torch.testing.assert_close(menura.sparse_dot(wide, torch.eye(4)), wide.to_dense())
    check_dot(torch.randn(30, 4).T.requires_grad_(), torch.randn(10, 60)[::2, ::2].requires_grad_())
    check_dot(torch.randn(30).expand(4, 30).requires_grad_(), torch.randn(4, 30).requires_grad_(), pairwise=True)


@pytest.mark.parametrize("shapes", [((0, 5), (3, 5)), ((3, 5), (0, 5)), ((2, 0), (3, 0))])
def test_zero_length_axes(shapes):
    queries, documents = (torch.rand(shape, requires_grad=True) for shape in shapes)
    scores = menura.sparse_dot(queries, documents)
    torch.testing.assert_close(scores, reference.sparse_dot(queries, documents))
    scores.sum().backward()
    assert queries.grad.shape == queries.shape


@pytest.mark.parametrize("rows", [0, 3])
def test_matrices_without_entries(rows):
    empty = torch.zeros(rows, 9).to_sparse_csr().requires_grad_()
    documents = vectors(4, 9)
    scores = menura.sparse_dot(empty, documents)
    assert torch.equal(scores, torch.zeros(rows, 4))
    scores.sum().backward()
    assert empty.grad._nnz() == 0
    assert torch.equal(documents.grad, torch.zeros(4, 9))


@pytest.mark.cpu_only("Triton's interpreter runs one program after the other")
@pytest.mark.parametrize("density", [0.002, 0.3])
def test_threads_do_not_change_the_result(density):
    before = torch.get_num_threads()
    matrices = [make(values.detach()) for values, make in (stored(48, 3000, density), stored(300, 3000, density))]
    weights = torch.randn(48, 300)
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found = []
        for layout in (torch.Tensor.detach, torch.Tensor.to_dense):
            inputs = [layout(matrix).requires_grad_() for matrix in matrices]
            scores = menura.sparse_dot(*inputs)
            value = (scores * weights).sum() + menura.flops(inputs[1], estimator="unbiased")
            found += [scores, value, *torch.autograd.grad(value, inputs)]
        results.append([part.to_dense() for part in found])
    torch.set_num_threads(before)
    for first, *others in zip(*results, strict=True):
        for other in others:
            assert torch.equal(first, other)


def test_sparse_dot_gradcheck():
    queries, documents = vectors(2, 6, 0.5).detach().double(), vectors(3, 6, 0.5).detach().double()
    queries.requires_grad_(), documents.requires_grad_()
    torch.autograd.gradcheck(menura.sparse_dot, (queries, documents))
    torch.autograd.gradcheck(lambda q, d: menura.sparse_dot(q, d, pairwise=True), (queries, documents[:2]))
    (values, make), (other, make_other) = stored(3, 6, 0.7), stored(3, 6, 0.7)
    for pairwise in (False, True):

        def operator(x, y, pairwise=pairwise):
            return OnLeaves.apply(lambda *m: menura.sparse_dot(*m, pairwise=pairwise), (make, make_other), x, y)

        torch.autograd.gradcheck(operator, [leaf(x, torch.float64) for x in (values, other)])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("estimator", ["mean", "unbiased"])
@pytest.mark.parametrize(("rows", "vocabulary"), [(2, 1), (3, 33), (8, 5000), (33, 2048)])
def test_flops(rows, vocabulary, estimator, weighted):
    frequency = torch.rand(vocabulary, dtype=torch.float64) if weighted else None
    options = {"estimator": estimator, "document_frequency": frequency}
    check_flops(vectors(rows, vocabulary), **options)
    check_flops(torch.randn(rows, vocabulary).requires_grad_(), **options)
    check_flops(torch.randn(vocabulary, rows).T.requires_grad_(), **options)
    for index in (torch.int32, torch.int64):
        check_flops(*stored(rows, vocabulary, 0.2, index), **options)


def test_flops_of_one_row():
    check_flops(vectors(1, 20), estimator="mean")
    with pytest.raises(ValueError, match="'unbiased' needs at least 2 rows; got 1"):
        menura.flops(torch.rand(1, 20), estimator="unbiased")


def test_a_term_of_one_row_costs_nothing_without_bias():
    activations = torch.zeros(3, 4)
    activations[[0, 1], [2, 3]] = torch.rand(2)
    for make in (dense, torch.Tensor.to_sparse_csr):
        value = menura.flops(make(activations.requires_grad_()), estimator="unbiased")
        (grad,) = torch.autograd.grad(value, activations)
        assert value == 0
        assert not grad.any()


@pytest.mark.cpu_only("thousands of launches are too slow for Triton's interpreter")
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
    values, make = stored(4, 6, 0.5)
    values = (values.detach().double() + 3).requires_grad_()  # away from the kink at zero, also where columns repeat
    frequency = torch.rand(6, dtype=torch.float64)
    for estimator in ("mean", "unbiased"):
        options = {"estimator": estimator, "document_frequency": frequency}
        torch.autograd.gradcheck(lambda x, o=options: menura.flops(x, **o), activations)
        torch.autograd.gradcheck(
            lambda x, o=options: OnLeaves.apply(lambda m: menura.flops(m, **o), (make,), x), values
        )


def test_flops_nan():
    activations = vectors(3, 40).detach()
    activations[1, 5] = torch.nan
    assert menura.flops(activations).isnan()
    assert menura.flops(activations.to_sparse_csr()).isnan()


@pytest.mark.parametrize("operator", ["sparse_dot", "flops"])
def test_double_backward_raises(operator):
    activations = vectors(3, 20)
    output = menura.flops(activations) if operator == "flops" else menura.sparse_dot(activations, activations).sum()
    (grad,) = torch.autograd.grad(output, activations, create_graph=True)
    with pytest.raises(RuntimeError, match=rf"\[{operator}\] the backward cannot"):
        grad.sum().backward()


def csr(crow, col, shape=(2, 5)):
    return torch.sparse_csr_tensor(torch.tensor(crow), torch.tensor(col), torch.rand(len(col)), shape)


@pytest.mark.parametrize(
    "matrix",
    [
        csr([0, 1, 2], [0, 5]),
        csr([0, 1, 2], [0, -1]),
        csr([0, 3, 2], [0, 1]),
        csr([0, 1, 1], [0, 1]),
        csr([1, 1, 2], [0, 1]),
        csr([0, 2], [0, 1]),
    ],
)
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_indices_that_leave_the_matrix(matrix, dtype):
    matrix = torch.sparse_csr_tensor(
        matrix.crow_indices().to(dtype), matrix.col_indices().to(dtype), matrix.values(), matrix.shape
    )
    with pytest.raises(ValueError, match=r"\[sparse_dot\] documents is no valid CSR matrix of shape \[2, 5\]"):
        menura.sparse_dot(torch.rand(3, 5), matrix)
    with pytest.raises(ValueError, match=r"\[flops\] activations is no valid CSR matrix"):
        menura.flops(matrix)


def flops_with(document_frequency):
    return menura.flops(torch.rand(2, 5), document_frequency=document_frequency)


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
        (lambda: menura.sparse_dot(None, torch.rand(3, 5)), TypeError, "queries must be a torch.Tensor; got NoneType"),
        (
            lambda: menura.sparse_dot(torch.rand(2, 5).to_sparse_csc(), torch.rand(3, 5)),
            TypeError,
            "queries must be dense, CSR or COO; got layout torch.sparse_csc",
        ),
        (
            lambda: menura.flops(torch.rand(2, 5, 3).to_sparse(2)[:, :, 0].to_sparse_bsr((1, 1))),
            TypeError,
            "activations must be dense, CSR or COO; got layout torch.sparse_bsr",
        ),
        (lambda: flops_with(torch.rand(4)), ValueError, r"document_frequency must have shape \[5\]; got \[4\]"),
        (lambda: flops_with(torch.arange(5)), TypeError, "document_frequency must be floating point; got torch.int64"),
        (lambda: flops_with(torch.arange(5.0)), ValueError, "shares of documents, from 0 to 1; got 0 to 4"),
        (lambda: flops_with(torch.full((5,), torch.nan)), ValueError, "shares of documents, from 0 to 1; got nan"),
        (lambda: flops_with(torch.rand(5, requires_grad=True)), ValueError, "document_frequency gets no gradient"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
