"""KL divergence against sums spelled out and sentence-transformers' own; weights as copies of passages."""

from __future__ import annotations

import math

import pytest
import torch
from sentence_transformers.multi_vector_encoder.losses import MultiVectorDistillKLDivLoss
from sentence_transformers.sparse_encoder.losses import SparseDistillKLDivLoss, SpladeLoss

from menura.losses import ColbertDistillationLoss, KLDivergence, SpladeDistillationLoss, kl_divergence
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade
from tiny import tiny_encoder, tiny_masked_lm

STUDENT = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, -1.0]], dtype=torch.float64)
TEACHER = torch.tensor([[2.0, -1.0, 1.5], [4.0, 3.0, 0.5]], dtype=torch.float64)
NORMALIZATIONS = ["none", "min_max", "z_score"]


def normalized(row, method):
    if method == "min_max":
        return [(x - min(row)) / (max(row) - min(row)) for x in row]
    if method == "z_score":
        mean = sum(row) / len(row)
        return [(x - mean) / math.sqrt(sum((y - mean) ** 2 for y in row) / len(row)) for x in row]
    return row


def softmax(row, temperature):
    exponentials = [math.exp(x / temperature) for x in row]
    return [x / sum(exponentials) for x in exponentials]


@pytest.mark.parametrize("of_student", NORMALIZATIONS)
@pytest.mark.parametrize("of_teacher", NORMALIZATIONS)
def test_against_sums_spelled_out(of_student, of_teacher):
    divergences = []
    for student, teacher in zip(STUDENT.tolist(), TEACHER.tolist(), strict=True):
        q = softmax(normalized(student, of_student), 0.5)
        p = softmax(normalized(teacher, of_teacher), 2.0)
        divergences.append(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))
    options = {
        "student_temperature": 0.5,
        "teacher_temperature": 2.0,
        "student_normalization": of_student,
        "teacher_normalization": of_teacher,
    }
    plain = kl_divergence(STUDENT, TEACHER, **options, scale_by_temperature=False)
    assert plain.item() == pytest.approx(sum(divergences) / 2, rel=1e-12)
    assert kl_divergence(STUDENT, TEACHER, **options).item() == pytest.approx(0.25 * plain.item(), rel=1e-12)


@pytest.mark.parametrize("of_student", NORMALIZATIONS)
@pytest.mark.parametrize("weights", [None, torch.tensor([[1.0, 0.5, 2.0], [0.3, 1.0, 0.7]], dtype=torch.float64)])
def test_gradients(of_student, weights):
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    options = {"student_normalization": of_student, "student_temperature": 0.5, "weights": weights}
    torch.autograd.gradcheck(lambda s: kl_divergence(s, TEACHER, **options), student)
    kl_divergence(student, teacher, **options).backward()
    assert teacher.grad is None


def test_a_perfect_student_has_exactly_no_loss():
    assert kl_divergence(TEACHER, TEACHER).item() == 0
    shifted = TEACHER + torch.tensor([[7.0], [-3.0]])
    assert kl_divergence(shifted, TEACHER).item() == pytest.approx(0, abs=1e-15)
    assert kl_divergence(3 * TEACHER, TEACHER, student_temperature=3.0).item() == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("method", ["min_max", "z_score"])
def test_normalized_alike_any_scale_is_perfect_and_the_student_alone_is_not(method):
    student = 0.1 * TEACHER - 4
    both = kl_divergence(student, TEACHER, student_normalization=method, teacher_normalization=method)
    assert both.item() == pytest.approx(0, abs=1e-15)
    assert kl_divergence(10 * TEACHER, 10 * TEACHER, student_normalization=method).item() > 0.1


@pytest.mark.parametrize("method", NORMALIZATIONS)
def test_a_list_of_equal_scores_is_even(method):
    even = torch.full((1, 3), 0.1, dtype=torch.float32, requires_grad=True)
    options = {"student_normalization": method, "teacher_normalization": method}
    loss = kl_divergence(even, torch.full((1, 3), -7.3), **options)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-7)
    assert even.grad.abs().max().item() == pytest.approx(0, abs=1e-6)
    taught = kl_divergence(even, torch.tensor([[1.0, 0.0, 0.0]]), **options)
    (gradient,) = torch.autograd.grad(taught, even)
    assert gradient.isfinite().all()
    assert gradient[0, 0] < 0


@pytest.mark.parametrize("method", NORMALIZATIONS)
def test_a_weight_counts_as_so_many_copies(method):
    options = {"student_normalization": method, "teacher_normalization": method, "student_temperature": 0.7}
    student, teacher = STUDENT[:1], TEACHER[:1]
    weighed = kl_divergence(student, teacher, weights=torch.tensor([[2.0, 1.0, 0.0]]), **options)
    copied = kl_divergence(student[:, [0, 0, 1]], teacher[:, [0, 0, 1]], **options)
    assert weighed.item() == pytest.approx(copied.item(), rel=1e-12)


@pytest.mark.parametrize("method", NORMALIZATIONS)
def test_what_weighs_nothing_has_no_gradient_and_the_rest_keeps_its_own(method):
    options = {"student_normalization": method, "teacher_normalization": method}
    student = STUDENT.clone().requires_grad_()
    kl_divergence(student, TEACHER, weights=torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]), **options).backward()
    alone = STUDENT[:1, [0, 2]].clone().requires_grad_()
    kl_divergence(alone, TEACHER[:1, [0, 2]], **options).backward()
    assert student.grad[0, 1] == 0
    assert student.grad[1].count_nonzero() == 0
    assert torch.allclose(student.grad[0, [0, 2]], alone.grad[0])


def test_lists_count_by_the_mean_of_their_weights_and_ones_change_no_bit():
    each = [kl_divergence(STUDENT[b : b + 1], TEACHER[b : b + 1]).item() for b in (0, 1)]
    weights = torch.tensor([[0.5, 0.5, 0.5], [2.0, 2.0, 2.0]])
    expected = (0.5 * each[0] + 2 * each[1]) / 2.5
    assert kl_divergence(STUDENT, TEACHER, weights=weights).item() == pytest.approx(expected, rel=1e-12)
    single = STUDENT.float()
    assert torch.equal(kl_divergence(single, TEACHER, weights=torch.ones(2, 3)), kl_divergence(single, TEACHER))
    assert kl_divergence(STUDENT, TEACHER, weights=torch.zeros(2, 3)).item() == 0


def test_scores_far_apart_stay_finite_and_nan_does_not_vanish():
    loss = kl_divergence(torch.tensor([[0.0, 1e4]], requires_grad=True), torch.tensor([[1e4, 0.0]]))
    assert loss.item() == pytest.approx(1e4)
    # A document without tokens, as MaxSim scores it.
    assert kl_divergence(torch.tensor([[1.0, -1e9]]), torch.tensor([[1.0, -1e9]])).item() == 0
    assert kl_divergence(torch.tensor([[1.0, math.nan]]), torch.tensor([[1.0, 0.0]])).isnan()


def test_errors():
    with pytest.raises(ValueError, match=r"\[kl_divergence\] student and teacher must both be \[B,N\] with N of 2"):
        kl_divergence(torch.rand(2, 1), torch.rand(2, 1))
    with pytest.raises(ValueError, match=r"\[kl_divergence\] teacher_temperature must be above 0; got nan"):
        kl_divergence(STUDENT, TEACHER, teacher_temperature=math.nan)
    with pytest.raises(ValueError, match="normalization must be one of none, min_max, z_score; got 'minmax'"):
        kl_divergence(STUDENT, TEACHER, student_normalization="minmax")


COLUMNS = [
    ["read a file", "sort list"],
    ["read the text file, line by line", "sort the list of words"],
    ["open a store", "delete a key and close the long table: name, size, count!"],
    ["move a folder", "sort"],
]
LABELS = torch.tensor([[4.0, -1.0, 1.0], [2.0, 0.5, 2.5]])


def features_of(model):
    tasks = ["query", *["document"] * 3]
    return [{**model.preprocess(texts, task=task), "task": task} for texts, task in zip(COLUMNS, tasks, strict=True)]


def gradient(model, loss):
    """Of all parameters, as one vector."""
    model.zero_grad()
    loss.backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])


@pytest.mark.parametrize(("student_temperature", "teacher_temperature"), [(1.0, 1.0), (2.0, 0.5)])
@pytest.mark.parametrize("student", ["colbert", "splade"])
def test_the_loss_and_the_gradients_of_sentence_transformers(
    tmp_path, student, student_temperature, teacher_temperature
):
    temperatures = {"student_temperature": student_temperature, "teacher_temperature": teacher_temperature}
    if student == "colbert":
        model = build_colbert(ColbertSettings(model=tiny_encoder(tmp_path), dimension=8)).eval()
        theirs = MultiVectorDistillKLDivLoss(model, **temperatures)(features_of(model), LABELS)
        ours = ColbertDistillationLoss(model, [KLDivergence(**temperatures)])
    else:
        model = accelerate(build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path)))).eval()
        wrapped = SpladeLoss(model, SparseDistillKLDivLoss(model, **temperatures), 0.0, 0.0)
        theirs = wrapped(features_of(model), LABELS)["base_loss"]
        ours = SpladeDistillationLoss(model, [KLDivergence(**temperatures)])
    mine = ours(features_of(model), LABELS)["kl_divergence"]
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-4)
    expected = gradient(model, theirs)
    assert (gradient(model, mine) - expected).norm() < 1e-4 * expected.norm()
