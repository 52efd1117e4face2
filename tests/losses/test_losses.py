"""Objectives against formulas spelled out, and their gradients."""

from __future__ import annotations

import pytest
import torch

from menura.losses import (
    Affine,
    ColbertDistillationLoss,
    Flops,
    MarginMSE,
    PointwiseMSE,
    SpladeDistillationLoss,
    margin_mse,
    pointwise_mse,
)
from menura.ops import reference
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade
from tiny import tiny_encoder, tiny_masked_lm

STUDENT = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, -1.0]], dtype=torch.float64)
TEACHER = torch.tensor([[2.0, -1.0, 1.5], [4.0, 3.0, 0.5]], dtype=torch.float64)


def test_margin_mse_against_the_positive():
    squares = [((STUDENT[b, 0] - STUDENT[b, n]) - (TEACHER[b, 0] - TEACHER[b, n])) ** 2 for b in (0, 1) for n in (1, 2)]
    assert margin_mse(STUDENT, TEACHER).item() == pytest.approx(sum(squares).item() / 4)


def test_margin_mse_of_all_pairs():
    pairs = [(0, 1), (0, 2), (1, 2)]
    squares = [
        ((STUDENT[b, i] - STUDENT[b, j]) - (TEACHER[b, i] - TEACHER[b, j])) ** 2 for b in (0, 1) for i, j in pairs
    ]
    assert margin_mse(STUDENT, TEACHER, pairs="all").item() == pytest.approx(sum(squares).item() / 6)


@pytest.mark.parametrize("pairs", ["positive", "all"])
def test_a_perfect_student_has_no_loss_whatever_its_offset(pairs):
    assert margin_mse(TEACHER + torch.tensor([[7.0], [-3.0]]), TEACHER, pairs=pairs).item() == pytest.approx(0)


def test_pointwise_mse():
    calibration = Affine(scale=2.0, offset=-1.0)
    expected = ((STUDENT - (2 * TEACHER - 1)) ** 2).mean()
    assert pointwise_mse(STUDENT, TEACHER, calibration=calibration).item() == pytest.approx(expected.item())
    assert pointwise_mse(2 * TEACHER - 1, TEACHER, calibration=calibration).item() == 0


def test_gradients_flow_to_the_student_alone():
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    torch.autograd.gradcheck(lambda s: margin_mse(s, TEACHER, pairs="all"), student)
    torch.autograd.gradcheck(lambda s: pointwise_mse(s, TEACHER, calibration=Affine(0.5, 1.0)), student)
    (margin_mse(student, teacher) + pointwise_mse(student, teacher)).backward()
    assert teacher.grad is None


def test_the_calibration_recovers_an_affine_map():
    teacher = torch.randn(100)
    fitted = Affine.fit(3 * teacher + 2, teacher)
    assert (fitted.scale, fitted.offset) == (pytest.approx(3), pytest.approx(2, abs=1e-5))


@pytest.mark.parametrize("agreement", [0.9, 0.0, -0.9])
def test_the_calibration_keeps_the_students_mean_and_spread(agreement):
    teacher = torch.randn(200)
    student = 5 + 2 * agreement * teacher + torch.randn(200)
    fitted = Affine.fit(student, teacher)
    assert fitted.scale > 0
    assert fitted(teacher).mean().item() == pytest.approx(student.mean().item(), abs=1e-4)
    assert fitted(teacher).std().item() == pytest.approx(student.std().item(), rel=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: margin_mse(torch.rand(2, 3), torch.rand(2, 2)), r"got \[2, 3\] and \[2, 2\]"),
        (lambda: margin_mse(torch.rand(2, 1), torch.rand(2, 1)), "N of 2 or more"),
        (lambda: pointwise_mse(torch.rand(2, 3), torch.rand(2, 2)), "must have one shape"),
        (lambda: Affine.fit(torch.rand(3), torch.rand(2)), r"must both be \[N\]"),
        (lambda: Affine.fit(torch.rand(3), torch.ones(3)), "all 3 scores of the teacher are equal"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def features_of(model, columns):
    return [
        {**model.preprocess(texts, task="query" if n == 0 else "document"), "task": "query" if n == 0 else "document"}
        for n, texts in enumerate(columns)
    ]


COLUMNS = [
    ["read a file", "sort list"],
    ["read the text file, line by line", "sort the list of words"],
    ["open a store", "delete a key and close the long table: name, size, count!"],
]
LABELS = torch.tensor([[4.0, -1.0], [2.0, 0.5]])


def test_the_colbert_loss_is_margin_mse_of_maxsim(tmp_path):
    model = build_colbert(ColbertSettings(model=tiny_encoder(tmp_path), dimension=8)).eval()
    loss = ColbertDistillationLoss(model, [MarginMSE()])(features_of(model, COLUMNS), LABELS)["margin_mse"]
    queries = model.encode_query(COLUMNS[0])
    scores = torch.stack(
        [
            torch.stack(
                [
                    reference.maxsim(q[None], d[None])[0, 0]
                    for q, d in zip(queries, model.encode_document(column), strict=True)
                ]
            )
            for column in COLUMNS[1:]
        ],
        dim=1,
    )
    assert loss.item() == pytest.approx(margin_mse(scores, LABELS).item(), rel=1e-4)
    loss.backward()
    assert all(parameter.grad is not None for name, parameter in model.named_parameters() if "pooler" not in name)


def test_the_splade_loss_is_score_mse_plus_flops(tmp_path):
    model = accelerate(build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path)))).eval()
    calibration = Affine(1.5, 0.3)
    regularizers = [Flops("document", weight=0.1), Flops("query", weight=0.2)]
    for regularizer in regularizers:
        regularizer.share = 0.5
    loss = SpladeDistillationLoss(model, [PointwiseMSE(), *regularizers], calibration=calibration)
    parts = loss(features_of(model, COLUMNS), LABELS)
    queries, *documents = (
        (model.encode_query if n == 0 else model.encode_document)(texts).to_dense() for n, texts in enumerate(COLUMNS)
    )
    scores = torch.stack([(queries * column).sum(-1) for column in documents], dim=1)
    expected = {
        "pointwise_mse": pointwise_mse(scores, LABELS, calibration=calibration),
        "document_flops": 0.5 * 0.1 * reference.flops(torch.cat(documents)),
        "query_flops": 0.5 * 0.2 * reference.flops(queries),
    }
    for name, value in expected.items():
        assert parts[name].item() == pytest.approx(value.item(), rel=1e-4)
    assert loss.terms["query"].item() == pytest.approx((queries > 0).sum().item() / 2)
    sum(parts.values()).backward()
    assert model[0].model.get_output_embeddings().weight.grad.count_nonzero() > 0
