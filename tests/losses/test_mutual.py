"""Mutual learning: the divergence against its formula, and no gradient from one student to the other."""

from __future__ import annotations

import math

import pytest
import torch

from menura.losses import MutualLearning, mutual_kl

GENERATOR = torch.Generator().manual_seed(0)
COLBERT = torch.randn(3, 4, generator=GENERATOR, dtype=torch.float64)
SPLADE = 5 * torch.randn(3, 4, generator=GENERATOR, dtype=torch.float64)


def softmax(scores):
    top = max(scores)
    total = sum(math.exp(score - top) for score in scores)
    return [math.exp(score - top) / total for score in scores]


def spelled_out(student, target):
    """The mean over queries of sum p log(p / q)."""
    total = 0.0
    for row, other in zip(student.tolist(), target.tolist(), strict=True):
        q, p = softmax(row), softmax(other)
        total += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    return total / len(student)


def test_against_a_sum_spelled_out():
    found = mutual_kl(COLBERT, SPLADE, temperature=0.5, peer_temperature=3.0)
    assert found.item() == pytest.approx(spelled_out(COLBERT / 0.5, SPLADE / 3.0))
    assert mutual_kl(COLBERT[:1], SPLADE[:1]).item() == pytest.approx(spelled_out(COLBERT[:1], SPLADE[:1]))


def test_alike_up_to_a_shift_and_the_temperatures_there_is_nothing_to_learn():
    student = COLBERT.clone().requires_grad_()
    loss = mutual_kl(student, 2 * COLBERT + torch.tensor([[3.0], [-7.0], [0.0]]), peer_temperature=2.0)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert student.grad.abs().max() < 1e-12


def test_a_passage_without_tokens_takes_nothing_from_the_others():
    """Its score of -1e9 is no chance at all, on the side that is copied."""
    peer = COLBERT.clone()
    peer[:, 2] = -1e9
    rest = [0, 1, 3]
    expected = (
        mutual_kl(SPLADE[:, rest], COLBERT[:, rest]) + (SPLADE.logsumexp(1) - SPLADE[:, rest].logsumexp(1)).mean()
    )
    assert mutual_kl(SPLADE, peer).item() == pytest.approx(expected.item())


def test_gradients():
    student = COLBERT.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: mutual_kl(s, SPLADE, temperature=0.7, peer_temperature=2.0), student)
    loss = mutual_kl(student, SPLADE, temperature=0.7, peer_temperature=2.0)
    loss.backward()
    expected = ((student / 0.7).softmax(1) - (SPLADE / 2.0).softmax(1)) / 0.7 / len(SPLADE)
    torch.testing.assert_close(student.grad, expected)


def test_no_gradient_crosses():
    colbert, splade = COLBERT.clone().requires_grad_(), SPLADE.clone().requires_grad_()
    parts = MutualLearning(share=0.3, temperatures=(0.5, 2.0))(colbert, splade)
    for name, part in parts.items():
        own, other = (colbert, splade) if name.startswith("colbert") else (splade, colbert)
        gradients = torch.autograd.grad(part, (own, other), allow_unused=True, retain_graph=True)
        assert gradients[0].abs().max() > 0
        assert gradients[1] is None


def test_the_ensemble_is_the_mean_of_scaled_scores():
    parts = MutualLearning(peer=(0, 0), ensemble=(2, 3), share=0.3, temperatures=(0.5, 2.0))(COLBERT, SPLADE)
    both = 0.3 * COLBERT / 0.5 + 0.7 * SPLADE / 2.0
    assert list(parts) == ["colbert_ensemble", "splade_ensemble"]
    assert parts["colbert_ensemble"].item() == pytest.approx(2 * spelled_out(COLBERT / 0.5, both))
    assert parts["splade_ensemble"].item() == pytest.approx(3 * spelled_out(SPLADE / 2.0, both))


def test_before_it_has_begun_nothing_is_asked():
    mutual = MutualLearning()
    mutual.begun = False
    assert [part.item() for part in mutual(COLBERT, SPLADE).values()] == [0.0] * 4
    assert list(MutualLearning(peer=(0, 1), ensemble=(0, 0))(COLBERT, SPLADE)) == ["splade_peer"]
    assert MutualLearning(peer=(0, 0), ensemble=(0, 0))(COLBERT, SPLADE) == {}


def test_nan_is_not_hidden():
    broken = COLBERT.clone()
    broken[1, 2] = torch.nan
    assert mutual_kl(broken, SPLADE).isnan()
    assert mutual_kl(SPLADE, broken).isnan()


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        ((COLBERT, SPLADE[:, :3]), {}, r"both be \[B,N\] with N of 2 or more; got \[3, 4\] and \[3, 3\]"),
        ((COLBERT[:, :1], SPLADE[:, :1]), {}, "with N of 2 or more"),
        ((COLBERT[0], SPLADE[0]), {}, r"got \[4\]"),
        ((COLBERT, SPLADE), {"temperature": 0.0}, "must be above 0; got 0.0 and 1.0"),
        ((COLBERT, SPLADE), {"peer_temperature": float("nan")}, "must be above 0; got 1.0 and nan"),
    ],
)
def test_what_cannot_be_compared(arguments, options, expected):
    with pytest.raises(ValueError, match=expected):
        mutual_kl(*arguments, **options)
