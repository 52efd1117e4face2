"""What objectives ask of the global batch, in one process: exactly what they would ask of their own."""

from __future__ import annotations

import pytest
import torch

from menura import ops
from menura.losses import ColbertDistillationLoss, MarginMSE
from menura.losses.encoded import EncodedSplade
from menura.losses.encoded.sparse_rows import SparseRows, join_rows, split_rows
from menura.losses.gathering import batch_flops, column_sums, flops, of_other_processes, row_count, sum_over_processes

GENERATOR = torch.Generator().manual_seed(0)
# With an empty row, an empty column and entries below zero.
MATRIX = torch.randn(6, 9, generator=GENERATOR, dtype=torch.float64).where(
    torch.rand(6, 9, generator=GENERATOR) < 0.4, 0.0
)
MATRIX[2] = 0
MATRIX[:, 4] = 0


@pytest.mark.parametrize("power", [1, 2])
def test_column_sums_of_both_layouts(power):
    expected = MATRIX.abs().pow(power).sum(0)
    for matrix in (MATRIX, SparseRows.of(MATRIX).csr(), MATRIX.float()):
        assert torch.allclose(column_sums(matrix, power=power), expected, atol=1e-6)
        assert row_count(matrix) == 6
    dense = MATRIX.clone().requires_grad_()
    torch.autograd.gradcheck(lambda values: column_sums(values, power=2), dense)


@pytest.mark.parametrize("estimator", ["mean", "unbiased"])
@pytest.mark.parametrize("weighed", [False, True])
def test_flops_by_column_sums_is_the_operator(estimator, weighed, monkeypatch):
    options = {"estimator": estimator}
    if weighed:
        options["document_frequency"] = torch.linspace(0, 1, 9, dtype=torch.float64)
    expected = ops.flops(MATRIX, **options)
    assert torch.equal(flops(MATRIX, **options), expected)
    # As if there were others, whose sums are zero.
    monkeypatch.setattr(batch_flops, "process_count", lambda: 2)
    for matrix in (MATRIX, SparseRows.of(MATRIX).csr()):
        assert flops(matrix, **options).item() == pytest.approx(expected.item())
    torch.autograd.gradcheck(lambda values: flops(values, **options), MATRIX.abs().requires_grad_())


def test_a_process_alone_has_no_others():
    assert of_other_processes(MATRIX).shape == (0, 9)
    assert sum_over_processes(MATRIX) is MATRIX


def test_rows_are_split_and_joined_with_their_gradients():
    matrix = MATRIX.clone().requires_grad_()
    parts = split_rows(SparseRows.of(matrix), 3)
    for part, rows in zip(parts, MATRIX.chunk(3), strict=True):
        assert torch.equal(part.csr().to_dense(), rows)
    joined = join_rows(parts[::-1])
    assert torch.equal(joined.csr().to_dense(), torch.cat(MATRIX.chunk(3)[::-1]))
    (2 * joined.csr().values().sum() + parts[0].csr().values().sum()).backward()
    expected = 2 * (MATRIX != 0).double()
    expected[:2] *= 1.5
    assert torch.equal(matrix.grad, expected)


def test_nan_stays_in_sparse_rows():
    matrix = torch.tensor([[0.0, torch.nan, 1.0]])
    assert SparseRows.of(matrix).csr().values().isnan().tolist() == [True, False]


def test_in_batch_scores_of_dense_and_sparse_rows():
    queries, columns = MATRIX[:2], [MATRIX[2:4], MATRIX[4:]]
    rest = {"logits": torch.zeros(2, 2), "weights": None, "features": []}
    dense = EncodedSplade(queries, columns, **rest)
    sparse = EncodedSplade(SparseRows.of(queries), [SparseRows.of(column) for column in columns], **rest)
    by_query = torch.stack([MATRIX[2], MATRIX[4], MATRIX[3], MATRIX[5]])
    for encoded in (dense, sparse):
        assert torch.allclose(encoded.in_batch_scores, queries @ by_query.T)
        assert torch.allclose(encoded.scores, torch.stack([(queries * column).sum(1) for column in columns], dim=1))
        assert encoded.documents.shape == (4, 9)


def test_own_state_is_what_the_student_has_not():
    class Counting(MarginMSE):
        def __init__(self, student):
            super().__init__()
            self.student = student
            self.scale = torch.nn.Parameter(torch.ones(()))
            self.frozen = torch.nn.Parameter(torch.ones(()), requires_grad=False)
            self.register_buffer("seen", torch.zeros(3))

    student = torch.nn.Linear(2, 2)
    loss = ColbertDistillationLoss(student, [Counting(student)])
    assert set(loss.own_state()) == {"objectives.0.scale", "objectives.0.seen"}
    assert set(loss.own_parameters()) == {"objectives.0.scale"}
