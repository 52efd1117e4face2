"""Alarms: what they see, and what they leave alone."""

from __future__ import annotations

import logging
import math

import pytest
import torch
from budgeted import column, settings, train
from transformers import TrainerState

from menura.losses import PointwiseMSE, SpladeDistillationLoss
from menura.students import accelerate, build_splade
from menura.training.sparsity import watch
from menura.training.sparsity.control import TermControl
from menura.training.sparsity.positions import dominant_token
from tiny import VOCABULARY, tiny_masked_lm

TEXTS = ["read the file and write it line by line", "sort the list", "find the index of the largest number in a table"]


@pytest.fixture
def lm(tmp_path):
    return tiny_masked_lm(tmp_path / "lm")


def flops(weight):
    return {side: {"flops": {"weight": weight}} for side in ("documents", "queries")}


def alarms(lm, tmp_path, caplog, **options):
    with caplog.at_level(logging.WARNING, logger="menura"):
        _, history = train(settings(lm, **options), tmp_path / "out")
    found = history[-1]["alarms"]
    assert [record.args[1] for record in caplog.records if record.msg == "Step %d: %s."] == found, "each once"
    return found, history


def test_a_collapse(lm, tmp_path, caplog):
    found, history = alarms(
        lm, tmp_path, caplog, steps=40, regularizers={**flops(1e4), "warmup": 0}, trainer={"learning_rate": 1e-2}
    )
    assert column(history, "document_terms")[-1] < 1
    assert any("documents have 0." in alarm and "weaken" in alarm for alarm in found)


def test_a_blow_up(lm, tmp_path, caplog):
    with torch.no_grad():
        model = build_splade(settings(lm))
        model[0].model.get_output_embeddings().bias.fill_(9.0)
        model[0].model.save_pretrained(lm)
    found, _ = alarms(lm, tmp_path, caplog, steps=4, regularizers=flops(1e-9), trainer={"learning_rate": 1e-6})
    assert any(f"documents have {len(VOCABULARY)} of {len(VOCABULARY)} terms active" in alarm for alarm in found)


def test_a_budget_that_is_not_reached(lm, tmp_path, caplog):
    found, _ = alarms(lm, tmp_path, caplog, steps=4, budget={"documents": 5}, trainer={"learning_rate": 1e-7})
    (missed,) = [alarm for alarm in found if "budget" in alarm]
    assert "and their budget is 5; train for longer" in missed


@pytest.mark.parametrize(
    ("start", "share", "told"),
    [
        pytest.param(400, 0.1, True, id="queries are penalised"),
        pytest.param(400, 0.0, False, id="nobody is"),
        pytest.param(200, 0.1, False, id="below from the start"),
    ],
)
def test_terms_that_go_with_those_of_the_other_side(lm, start, share, told):
    loss = SpladeDistillationLoss(build_splade(settings(lm)), [PointwiseMSE()])
    controls = {
        "document": TermControl(budget=300, start=math.log(start)),
        "query": TermControl(budget=300, start=math.log(start), share=share),
    }
    watching = watch.SparsityWatch(
        loss, [], controls, vocabulary=len(VOCABULARY), documents=TEXTS, counted={"document": TEXTS, "query": TEXTS}
    )
    state = TrainerState()
    watching.on_train_end(None, state, None)
    alarms = [alarm for alarm in state.log_history[-1]["alarms"] if alarm.startswith("documents")]
    assert len(alarms) == told
    assert all(alarm.endswith("what takes terms from queries may take theirs too: give those more") for alarm in alarms)


@pytest.mark.parametrize("own", [True, False])
def test_a_token_that_wins_most_terms(lm, own):
    model = build_splade(settings(lm))
    if own:
        accelerate(model)
    model.train()
    state = torch.get_rng_state()
    before, _ = dominant_token(model, TEXTS)
    assert 1 / 11 < before < 0.5
    # Hidden states of one token made large: what the token after it says hardly matters.
    transform = model[0].model.cls.predictions.transform
    handle = transform.register_forward_hook(
        lambda _module, _inputs, output: output * (1 + 99 * (torch.arange(output.shape[1]) == 0)[None, :, None])
    )
    share, token = dominant_token(model, TEXTS)
    handle.remove()
    assert token == "[CLS]"
    assert share > 0.5
    assert torch.equal(torch.get_rng_state(), state)
    assert model[0].training
    assert dominant_token(model, ["sort it"]) is None


def test_nothing_is_wrong(lm, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(watch, "DENSE", 0.9)  # a random model has most terms active
    found, history = alarms(lm, tmp_path, caplog, steps=2)
    assert found == []
    assert {"document_terms", "query_terms", "document_flops_weight", "query_flops_weight"} <= history[0].keys()
