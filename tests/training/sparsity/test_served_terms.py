"""What dropout does to the count of active terms, found out without a trace."""

from __future__ import annotations

import math

import pytest
import torch
from budgeted import column, settings, train

from menura.students import accelerate, build_splade
from menura.trainer import set_dropout
from menura.training.sparsity import budget
from menura.training.sparsity.served import BATCH, served_ratios, served_terms
from tiny import tiny_masked_lm

TEXTS = {
    "query": ["read the file", "sort"],
    "document": ["write it line by line", "find the largest number in a table"],
}


@pytest.fixture
def lm(tmp_path):
    return tiny_masked_lm(tmp_path / "lm")


@pytest.fixture
def student(lm):
    return accelerate(build_splade(settings(lm)))


def terms(student, side):
    return float(
        (student(student.preprocess(TEXTS[side], task=side))["sentence_embedding"] != 0).sum(1).double().mean()
    )


def test_the_ratio_is_that_of_the_same_texts_without_and_with_dropout(student):
    set_dropout(student.train(), 0.5)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    found = served_ratios(student, TEXTS)
    assert torch.equal(torch.get_rng_state(), state), "no random number is drawn that training would miss"
    assert all(module.training for module in student.modules())
    with torch.no_grad():
        trained = {side: terms(student, side) for side in TEXTS}
        student.eval()
        used = {side: terms(student, side) for side in TEXTS}
    assert found == pytest.approx({side: math.log(used[side] / trained[side]) for side in TEXTS})
    assert all(abs(ratio) > 0.01 for ratio in found.values())


def test_terms_in_use_are_those_of_every_text_without_dropout(student):
    texts = {side: [*some, "close"] * BATCH for side, some in TEXTS.items()}
    set_dropout(student.train(), 0.5)
    found = served_terms(student, texts)
    assert all(module.training for module in student.modules())
    student.eval()
    with torch.no_grad():
        expected = {
            side: sum(
                float((student(student.preprocess([text], task=side))["sentence_embedding"] != 0).sum())
                for text in some
            )
            / len(some)
            for side, some in texts.items()
        }
    assert found == pytest.approx(expected)


def test_without_dropout_it_is_one(student):
    set_dropout(student.train(), 0.0)
    assert served_ratios(student, TEXTS) == {"query": 0.0, "document": 0.0}


def test_texts_without_terms_have_a_ratio(student):
    with torch.no_grad():
        student[0].model.get_output_embeddings().bias.fill_(-99.0)
    assert served_ratios(student.train(), TEXTS) == {"query": 0.0, "document": 0.0}


def test_a_budget_is_one_for_texts_in_use(lm, tmp_path, monkeypatch):
    # As if every text had twice as many terms in use: half of the budget is left for training.
    monkeypatch.setattr(budget, "served_ratios", lambda _, texts: dict.fromkeys(texts, math.log(2)))
    chosen = settings(lm, steps=4, budget={"documents": 190}, trainer={"learning_rate": 1e-7})
    _, history = train(chosen, tmp_path / "twice")
    counts, weights = column(history, "document_terms"), column(history, "document_flops_weight")
    assert 95 < counts[-1] < 190
    assert weights[-1] > 0
    monkeypatch.setattr(budget, "served_ratios", lambda _, texts: dict.fromkeys(texts, 0.0))
    assert column(train(chosen, tmp_path / "once")[1], "document_flops_weight")[-1] == 0
