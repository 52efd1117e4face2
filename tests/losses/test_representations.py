"""Distances between representations against loops that spell them out, and what masks keep out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from menura.losses import alignment_distance, token_distance, vocabulary_distance

GENERATOR = torch.Generator().manual_seed(0)


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=GENERATOR)


MASK = torch.tensor([[True, False, True, True], [False, True, True, False]])
STUDENT, MENTOR, WIDE = drawn(2, 4, 3), drawn(2, 4, 3), drawn(2, 4, 5)
PROJECTION = nn.Linear(3, 5, bias=False, dtype=torch.float64)


@pytest.mark.parametrize("distance", ["cosine", "mse"])
def test_the_distance_of_tokens(distance):
    errors = []
    for b in range(2):
        for t in range(4):
            s, m = STUDENT[b, t], MENTOR[b, t]
            cosine = sum(s * m) / math.sqrt(sum(s * s) * sum(m * m))
            if MASK[b, t]:
                errors.append(1 - cosine if distance == "cosine" else sum((s - m) ** 2) / 3)
    found = token_distance(STUDENT, MENTOR, MASK, distance=distance)
    assert found.item() == pytest.approx(sum(errors).item() / 5)
    torch.autograd.gradcheck(
        lambda s: token_distance(s, MENTOR, MASK, distance=distance), STUDENT.clone().requires_grad_()
    )


def test_a_projection_is_learnt_where_dimensions_differ():
    projected = PROJECTION(STUDENT)
    plain, found = (
        token_distance(projected, WIDE, MASK),
        token_distance(STUDENT, WIDE, MASK, projection=PROJECTION),
    )
    assert found.item() == pytest.approx(plain.item())
    (gradient,) = torch.autograd.grad(found, PROJECTION.weight)
    assert gradient.count_nonzero() == gradient.numel()
    with pytest.raises(ValueError, match="the student has 3 dimensions and the mentor 5; they need a projection"):
        token_distance(STUDENT, WIDE, MASK)


@pytest.mark.parametrize("distance", ["cosine", "mse"])
def test_masked_tokens_change_nothing_not_even_as_nan(distance):
    student, mentor = STUDENT.clone(), MENTOR.clone()
    student[~MASK], mentor[~MASK] = torch.nan, torch.nan
    student.requires_grad_()
    found = token_distance(student, mentor, MASK, distance=distance)
    assert found.item() == token_distance(STUDENT, MENTOR, MASK, distance=distance).item()
    found.backward()
    assert student.grad[~MASK].count_nonzero() == 0
    assert student.grad.isfinite().all()
    mentor[0, 0] = torch.nan
    assert token_distance(STUDENT, mentor, MASK, distance=distance).isnan()


def test_no_tokens_at_all():
    student = STUDENT.clone().requires_grad_()
    found = token_distance(student, MENTOR, torch.zeros_like(MASK))
    found.backward()
    assert found == 0
    assert student.grad.count_nonzero() == 0


def test_no_gradient_flows_to_a_mentor():
    mentor = MENTOR.clone().requires_grad_()
    token_distance(STUDENT.clone().requires_grad_(), mentor, MASK).backward()
    vocabulary_distance(STUDENT[0].clone().requires_grad_(), mentor[0]).backward()
    assert mentor.grad is None


def test_half_precision_is_compared_in_float32():
    found = token_distance(STUDENT.bfloat16(), MENTOR.bfloat16(), MASK, distance="mse")
    assert found.dtype == torch.float32
    expected = token_distance(STUDENT.bfloat16().double(), MENTOR.bfloat16().double(), MASK, distance="mse")
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


# Two queries of three tokens, two passages each of four; the second query's second passage has no token that counts.
QUERIES, DOCUMENTS = drawn(2, 3, 3), drawn(2, 2, 4, 3)
MENTOR_QUERIES, MENTOR_DOCUMENTS = drawn(2, 3, 5), drawn(2, 2, 4, 5)
QUERY_MASK = torch.tensor([[True, True, False], [True, False, True]])
DOCUMENT_MASK = torch.tensor([[[1, 0, 1, 1], [1, 1, 1, 0]], [[0, 1, 0, 0], [0, 0, 0, 0]]]).bool()


def aligned(queries=QUERIES, documents=DOCUMENTS, **options):
    masks = {"query_mask": QUERY_MASK, "document_mask": DOCUMENT_MASK}
    return alignment_distance(queries, documents, MENTOR_QUERIES, MENTOR_DOCUMENTS, **{**masks, **options})


@pytest.mark.parametrize("targets", ["soft", "hard"])
def test_the_alignment(targets):
    total, count = 0.0, 0
    for b in range(2):
        for n in range(2):
            tokens = [t for t in range(4) if DOCUMENT_MASK[b, n, t]]
            for s in range(3):
                if not QUERY_MASK[b, s] or not tokens:
                    continue
                student = [math.exp(QUERIES[b, s] @ DOCUMENTS[b, n, t] / 0.5) for t in tokens]
                mentor = [math.exp(MENTOR_QUERIES[b, s] @ MENTOR_DOCUMENTS[b, n, t] / 0.5) for t in tokens]
                p, q = ([value / sum(side) for value in side] for side in (mentor, student))
                if targets == "soft":
                    total += sum(x * math.log(x / y) for x, y in zip(p, q, strict=True))
                else:
                    total -= math.log(q[p.index(max(p))])
                count += 1
    assert count == 6
    found = aligned(targets=targets, temperature=0.5)
    assert found.item() == pytest.approx(total / count)
    torch.autograd.gradcheck(
        lambda q, d: aligned(q, d, targets=targets, temperature=0.5),
        (QUERIES.clone().requires_grad_(), DOCUMENTS.clone().requires_grad_()),
    )


def test_a_perfect_student_is_aligned():
    same = alignment_distance(
        QUERIES, DOCUMENTS, QUERIES, DOCUMENTS, query_mask=QUERY_MASK, document_mask=DOCUMENT_MASK
    )
    assert same.item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("targets", ["soft", "hard"])
def test_padding_does_not_leak_into_the_alignment(targets):
    queries, documents = QUERIES.clone(), DOCUMENTS.clone()
    queries[~QUERY_MASK], documents[~DOCUMENT_MASK] = torch.nan, torch.nan
    queries.requires_grad_(), documents.requires_grad_()
    found = aligned(queries, documents, targets=targets)
    assert found.item() == aligned(targets=targets).item()
    found.backward()
    assert queries.grad.isfinite().all()
    assert documents.grad.isfinite().all()
    assert documents.grad[~DOCUMENT_MASK].count_nonzero() == 0
    assert documents.grad[DOCUMENT_MASK].count_nonzero() > 0


def test_of_equal_similarities_the_first_token_is_chosen():
    queries, documents = torch.ones(1, 1, 2), torch.tensor([[[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]]])
    masks = {"query_mask": torch.ones(1, 1, dtype=torch.bool), "document_mask": torch.ones(1, 1, 4, dtype=torch.bool)}
    student = torch.tensor([[[[0.0, 0.0], [9.0, 0.0], [0.0, 0.0], [0.0, 0.0]]]])
    found = alignment_distance(queries, student, queries, documents, **masks, targets="hard", temperature=1.0)
    assert found.item() == pytest.approx(math.log(1 + 3 * math.exp(-9)), rel=1e-2)


def test_a_batch_in_which_nothing_chooses():
    queries = QUERIES.clone().requires_grad_()
    found = aligned(queries, document_mask=torch.zeros_like(DOCUMENT_MASK))
    found.backward()
    assert found == 0
    assert queries.grad.count_nonzero() == 0


def test_the_distance_of_vocabulary_vectors():
    student, mentor = drawn(3, 7).relu(), drawn(3, 7).relu()
    student[1] = 0  # a text without terms
    squares = sum(((student[r] - mentor[r]) ** 2).sum() for r in range(3)) / 3
    assert vocabulary_distance(student, mentor).item() == pytest.approx(squares.item())
    total = 0.0
    for r in range(3):
        p, q = ([math.exp(value / 0.5) for value in side[r]] for side in (mentor, student))
        total += sum(x / sum(p) * math.log(x / sum(p) / (y / sum(q))) for x, y in zip(p, q, strict=True))
    assert vocabulary_distance(student, mentor, distance="kl", temperature=0.5).item() == pytest.approx(total / 3)
    assert vocabulary_distance(mentor, mentor, distance="kl").item() == pytest.approx(0, abs=1e-12)
    for distance in ("mse", "kl"):
        leaf = student.clone().requires_grad_()
        torch.autograd.gradcheck(lambda s, d=distance: vocabulary_distance(s, mentor, distance=d), leaf)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: token_distance(STUDENT, MENTOR[:1], MASK), "must be of the same tokens"),
        (lambda: token_distance(STUDENT, MENTOR, MASK[:, :2]), "must be of the same tokens"),
        (lambda: aligned(QUERIES[:, :2]), "must be of the same tokens"),
        (lambda: aligned(document_mask=DOCUMENT_MASK[..., :2]), "must be of the same tokens"),
        (lambda: vocabulary_distance(drawn(2, 3), drawn(2, 4)), r"got \[2, 3\] and \[2, 4\]"),
    ],
)
def test_shapes_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()
