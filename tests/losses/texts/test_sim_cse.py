"""SimCSE against the formula spelled out, and on both students."""

from __future__ import annotations

import math

import pytest
import torch

from menura.losses import ColbertDistillationLoss, MarginMSE, SimCSE, SpladeDistillationLoss, sim_cse
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade
from tiny import tiny_encoder, tiny_masked_lm

COLUMNS = [
    ["read a file", "sort list", "read"],
    ["read the text file, line by line", "sort the list of words", "sort the list of words"],
    ["open a store", "delete a key and close the long table: name, size, count!", "open a store"],
]
LABELS = torch.tensor([[4.0, -1.0], [2.0, 0.5], [1.0, 0.0]])


def spelled_out(first, second, temperature, same=None):
    def cosine(x, y):
        return (x @ y / (x.norm() * y.norm())).item()

    total = 0.0
    for i, x in enumerate(first):
        others = [j for j in range(len(second)) if j == i or same is None or not same[i][j]]
        exponentials = {j: math.exp(cosine(x, second[j]) / temperature) for j in others}
        total -= math.log(exponentials[i] / sum(exponentials.values()))
    return total / len(first)


@pytest.mark.parametrize(("rows", "more"), [(1, 0), (2, 0), (5, 0), (2, 3)])
@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_it_is_the_formula(rows, more, temperature):
    first = torch.randn(rows, 7, dtype=torch.float64)
    second = torch.randn(rows + more, 7, dtype=torch.float64)
    found = sim_cse(first, second, temperature=temperature).item()
    assert found == pytest.approx(spelled_out(first, second, temperature))


def test_copies_of_one_text_are_no_negatives_of_each_other():
    first, second = torch.randn(2, 4, 7, dtype=torch.float64)
    same = torch.eye(4).bool()
    same[0, 3] = same[3, 0] = True
    assert sim_cse(first, second, same=same).item() == pytest.approx(spelled_out(first, second, 0.05, same))
    assert sim_cse(first[:2], second[:2], same=torch.ones(2, 2).bool()).item() == 0


def test_gradients():
    first, second = (torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    same = torch.tensor([[1, 0, 1], [0, 1, 0], [1, 0, 1]]).bool()
    torch.autograd.gradcheck(lambda x, y: sim_cse(x, y, temperature=0.5, same=same), (first, second))


def test_a_text_without_a_vector_leaves_the_gradient_finite():
    first = torch.zeros(2, 3, requires_grad=True)
    sim_cse(first, torch.randn(2, 3)).backward()
    assert torch.isfinite(first.grad).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sim_cse(torch.rand(3, 3), torch.rand(2, 3)), r"got \[3, 3\] and \[2, 3\]"),
        (lambda: sim_cse(torch.rand(2), torch.rand(2)), r"must be \[R,D\] and"),
        (lambda: sim_cse(torch.rand(2, 3), torch.rand(2, 3), temperature=0), "must be positive; got 0"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.fixture(params=["colbert", "splade"])
def student(request, tmp_path):
    """The model, its loss, and the vectors by which its texts are compared."""
    if request.param == "colbert":
        model = build_colbert(ColbertSettings(model=tiny_encoder(tmp_path), dimension=8))

        def vectors(texts, task):
            encode = model.encode_query if task == "query" else model.encode_document
            return torch.stack([embeddings.mean(0) for embeddings in encode(texts)])

        return model, ColbertDistillationLoss, vectors
    model = accelerate(build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path))))

    def sparse(texts, task):
        return (model.encode_query if task == "query" else model.encode_document)(texts).to_dense()

    return model, SpladeDistillationLoss, sparse


def features_of(model, columns=COLUMNS):
    tasks = ["query", *["document"] * (len(columns) - 1)]
    return [{**model.preprocess(t, task=task), "task": task} for t, task in zip(columns, tasks, strict=True)]


@pytest.mark.parametrize(
    ("texts", "rows"), [("queries", COLUMNS[:1]), ("positives", COLUMNS[1:2]), ("passages", COLUMNS[1:])]
)
def test_without_dropout_both_views_are_the_students_vectors(student, texts, rows):
    model, loss, vectors = student
    objective = SimCSE(model, texts=texts, temperature=0.3)
    found = loss(model.eval(), [objective])(features_of(model), LABELS)["sim_cse"]
    written = [text for column in rows for text in column]
    expected = vectors(written, "query" if texts == "queries" else "document")
    same = [[a == b for b in written] for a in written]
    assert found.item() == pytest.approx(spelled_out(expected, expected, 0.3, same), rel=1e-4)


def test_dropout_is_drawn_anew_for_the_second_view_alone(student):
    model, loss, _ = student
    model.train()
    both = loss(model, [MarginMSE(), SimCSE(model)])
    forwards = []
    model[0].model.get_input_embeddings().register_forward_hook(lambda module, inputs, output: forwards.append(1))
    torch.manual_seed(1)
    values = both(features_of(model), LABELS)
    assert len(forwards) == 3  # queries, passages, and the positives once more
    torch.manual_seed(1)
    assert loss(model, [MarginMSE()])(features_of(model), LABELS)["margin_mse"] == values["margin_mse"]
    assert loss(model.eval(), [SimCSE(model)])(features_of(model), LABELS)["sim_cse"] != values["sim_cse"]
    sum(values.values()).backward()


def test_mini_batches_are_refused(student):
    model, loss, _ = student
    with pytest.raises(ValueError, match="sim_cse send the batch through the student once more"):
        loss(model, [MarginMSE(), SimCSE(model)], mini_batch_size=2)


def test_a_student_without_dropout_is_refused(student):
    model = student[0]
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with pytest.raises(ValueError, match="no dropout"):
        SimCSE(model)
