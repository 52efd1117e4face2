"""InfoNCE against sums spelled out, and which passages of a batch are no negatives."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from menura.losses import ColbertDistillationLoss, Contrastive, SpladeDistillationLoss, contrastive
from menura.losses.encoded import EncodedColbert, text_keys
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade
from tiny import tiny_encoder, tiny_masked_lm

GENERATOR = torch.Generator().manual_seed(0)
SCORES = torch.randn(3, 6, generator=GENERATOR, dtype=torch.float64)
POSITIVES = torch.tensor([0, 2, 4])
IGNORED = torch.zeros(3, 6, dtype=torch.bool)
IGNORED[0, 3] = IGNORED[1, 2] = IGNORED[1, 0] = True  # the positive of the second query among them


def spelled_out(weights, temperature):
    above = 0.0
    for b, positive in enumerate(POSITIVES.tolist()):
        row = [SCORES[b, j].item() / temperature for j in range(6) if j == positive or not IGNORED[b, j]]
        own = SCORES[b, positive].item() / temperature
        above += weights[b].item() * -math.log(math.exp(own) / sum(map(math.exp, row)))
    return above / weights.sum().item()


@pytest.mark.parametrize("temperature", [1.0, 0.2])
def test_against_sums_spelled_out(temperature):
    options = {"ignored": IGNORED, "temperature": temperature}
    found = contrastive(SCORES, POSITIVES, **options)
    assert found.item() == pytest.approx(spelled_out(torch.ones(3), temperature), rel=1e-12)
    weights = torch.tensor([2.0, 0.5, 0.0])
    weighed = contrastive(SCORES, POSITIVES, weights=weights, **options)
    assert weighed.item() == pytest.approx(spelled_out(weights, temperature), rel=1e-12)


def test_gradients():
    scores = SCORES.clone().requires_grad_()
    torch.autograd.gradcheck(lambda s: contrastive(s, POSITIVES, ignored=IGNORED, temperature=0.5), scores)
    contrastive(scores, POSITIVES, ignored=IGNORED).backward()
    assert (scores.grad == 0).nonzero().tolist() == [[0, 3], [1, 0]]


def test_without_negatives_or_weight_there_is_nothing_to_learn():
    scores = torch.tensor([[3.0]], requires_grad=True)
    loss = contrastive(scores, torch.tensor([0]))
    loss.backward()
    assert (loss.item(), scores.grad.item()) == (0, 0)
    assert contrastive(SCORES, POSITIVES, weights=torch.zeros(3)).item() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positives": POSITIVES[:2]}, r"positives must be \[3\] for scores \[3, 6\]; got \[2\]"),
        ({"ignored": IGNORED[:, :5]}, r"ignored must be \[3, 6\] for scores \[3, 6\]; got \[3, 5\]"),
        ({"weights": torch.ones(3, 2)}, r"weights must be \[3\] for scores \[3, 6\]; got \[3, 2\]"),
        ({"temperature": -1.0}, r"temperature must be above 0; got -1"),
        ({"scores": SCORES[0]}, r"scores must be \[B,P\]; got \[6\]"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        contrastive(**{"scores": SCORES, "positives": POSITIVES, **options})


def column(*texts, length=5, left=False):
    """Token ids, padded."""
    rows = [([0] * (length - len(text)) + text) if left else (text + [0] * (length - len(text))) for text in texts]
    masks = [[int(token > 0) for token in row] for row in rows]
    return {"input_ids": torch.tensor(rows), "attention_mask": torch.tensor(masks)}


def test_keys_tell_texts_apart_and_padding_does_not():
    texts = [[2, 7, 3], [2, 3, 7], [2, 7], [2, 7, 3, 3], [9]]
    keys = text_keys(column(*texts))
    assert len(set(keys.tolist())) == len(texts)
    assert torch.equal(keys, text_keys(column(*texts, length=9)))
    assert torch.equal(keys, text_keys(column(*texts, left=True)))


def encoded(queries, *columns, weights=None):
    """A batch with random embeddings."""
    features = [column(*texts) for texts in (queries, *columns)]
    rows, passages = len(queries), len(columns)
    return EncodedColbert(
        torch.randn(rows, 3, 4, generator=GENERATOR),
        torch.ones(rows, 3),
        torch.randn(rows, passages, 5, 4, generator=GENERATOR),
        torch.ones(rows, passages, 5),
        logits=None,
        weights=weights,
        features=features,
    )


def expected(batch, left_out, temperature=1.0):
    """With what is no negative left out by hand: (query, passage) numbers."""
    scores = batch.in_batch_scores.clone()
    for pair in left_out:
        scores[pair] = -1e9
    positives = torch.arange(len(scores)) * (scores.shape[1] // len(scores))
    return cross_entropy(scores / temperature, positives).item()


def test_every_passage_of_the_batch_is_a_negative():
    batch = encoded([[1], [2], [3]], [[11], [12], [13]], [[21], [22], [23]])
    assert Contrastive(temperature=0.5)(batch).item() == pytest.approx(expected(batch, [], 0.5), rel=1e-5)


def test_the_positives_of_a_query_that_comes_twice_are_no_negatives_of_it():
    # The third row asks what the first does. Passages 0 and 4 are their positives; 1 and 5 stay negatives of both.
    batch = encoded([[1], [2], [1]], [[11], [12], [13]], [[21], [22], [23]])
    assert Contrastive()(batch).item() == pytest.approx(expected(batch, [(0, 4), (2, 0)]), rel=1e-5)


def test_copies_of_a_positive_are_no_negatives():
    # The second query's negative, passage 3, has the first positive's text; the third positive is a copy of the second.
    batch = encoded([[1], [2], [3]], [[11], [12], [12]], [[21], [11], [23]])
    assert Contrastive()(batch).item() == pytest.approx(expected(batch, [(0, 3), (1, 4), (2, 2)]), rel=1e-5)


def test_a_copy_of_another_rows_positive_of_the_same_query_is_no_negative():
    batch = encoded([[1], [1]], [[11], [12]], [[12], [22]])
    assert Contrastive()(batch).item() == pytest.approx(expected(batch, [(0, 2), (0, 1), (1, 0), (1, 1)]), rel=1e-5)


def test_a_query_counts_as_its_positive_does():
    weights = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    batch = encoded([[1], [2]], [[11], [12]], [[21], [22]], weights=weights)
    only = cross_entropy(batch.in_batch_scores[1:], torch.tensor([2]))
    assert Contrastive()(batch).item() == pytest.approx(only.item(), rel=1e-5)


COLUMNS = [["read a file", "sort list"], ["read the text file.", "sort words"], ["open a store", "read the text file!"]]


def student_and_loss(student, folder):
    if student == "colbert":
        model = build_colbert(ColbertSettings(model=tiny_encoder(folder), dimension=8)).eval()
        return model, ColbertDistillationLoss(model, [Contrastive()])
    model = accelerate(build_splade(SpladeSettings(model=tiny_masked_lm(folder)))).eval()
    return model, SpladeDistillationLoss(model, [Contrastive()])


def features_of(model):
    tasks = ["query", "document", "document"]
    return [{**model.preprocess(texts, task=task), "task": task} for texts, task in zip(COLUMNS, tasks, strict=True)]


@pytest.mark.parametrize("student", ["colbert", "splade"])
def test_both_students_learn_without_labels(tmp_path, student):
    model, loss = student_and_loss(student, tmp_path)
    queries, *documents = (
        (model.encode_query if n == 0 else model.encode_document)(texts) for n, texts in enumerate(COLUMNS)
    )
    scores = torch.stack([model.similarity(queries, column) for column in documents], dim=2).flatten(1)
    # "file." and "file!" differ in a punctuation mark, which a ColBERT does not score but the batch can tell.
    found = loss(features_of(model))["contrastive"]
    assert found.item() == pytest.approx(cross_entropy(scores, torch.tensor([0, 2])).item(), rel=1e-3)
    found.backward()
    assert any(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("student", ["colbert", "splade"])
@pytest.mark.parametrize("passages", [1, 2])
def test_objectives_see_the_features_as_they_were_before_the_model(tmp_path, student, passages):
    model, loss = student_and_loss(student, tmp_path)
    given = features_of(model)[: 1 + passages]
    seen = loss.encode(model, [dict(column) for column in given], None, None).features
    for before, after in zip(given, seen, strict=True):
        assert set(before) == set(after)
        assert torch.equal(before["attention_mask"], after["attention_mask"])
