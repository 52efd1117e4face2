"""Several tasks in one step: they are learned, weighed and resumed."""

from __future__ import annotations

import pytest
import torch

from menura import MenuraError
from menura.recipe import ColbertSettings, LoraSettings, ObjectivesSettings, SpladeSettings, TrainerSettings
from menura.students import build_colbert, build_splade
from menura.training import build_examples, train_colbert, train_splade
from stopping import stopped_at
from tiny import WORDS, tiny_encoder, tiny_masked_lm

STEPS = 10
TRAINER = TrainerSettings(max_steps=STEPS, batch_size=4, learning_rate=2e-3, logging_steps=1, save_steps=4)
SCHEDULE = {"from": 0.5, "to": 0.1}
TASKS = {
    "masked_words": {"weight": SCHEDULE, "texts": "positives"},
    "sim_cse": {"weight": 0.2},
}
OBJECTIVES = {
    "colbert": {"margin_mse": {"weight": "learned"}, **TASKS},
    "splade": {"pointwise_mse": {}, **TASKS},
}


def examples():
    queries = {f"q{i}": f"find {WORDS[i]} {WORDS[i + 1]}" for i in range(12)}
    corpus = {f"p{i}": f"{WORDS[i]} {WORDS[i + 1]} of the {WORDS[i + 20]} table" for i in range(12)}
    candidates = {f"q{i}": ([f"p{i}"], [f"p{(i + 3) % 12}"]) for i in range(12)}
    logits = {(q, p): float(p in sides[0]) for q, sides in candidates.items() for side in sides for p in side}
    return build_examples(candidates, logits, queries, corpus, negatives=1)


@pytest.fixture(params=["colbert", "splade"])
def train(request, tmp_path):
    """From objectives and an output folder to a trained student and its history."""
    if request.param == "colbert":
        settings = ColbertSettings(model=tiny_encoder(tmp_path / "encoder"), dimension=16, trainer=TRAINER)
    else:
        settings = SpladeSettings(model=tiny_masked_lm(tmp_path / "lm"), trainer=TRAINER)

    def run(output, objectives=None, **changes):
        chosen = ObjectivesSettings.model_validate(objectives or OBJECTIVES[request.param])
        changed = settings.model_copy(update={"objectives": chosen, **changes})
        model = build_colbert(changed) if request.param == "colbert" else build_splade(changed)
        teach = train_colbert if request.param == "colbert" else train_splade
        return model, teach(model, changed, examples(), output=tmp_path / output, seed=1).history

    run.student = request.param
    return run


def values(history, name):
    return [float(entry[name]) for entry in history if name in entry]


def test_every_task_is_in_the_history_with_its_weight(train):
    _, history = train("out")
    scheduled = [0.5 - 0.4 * step / (STEPS - 1) for step in range(STEPS)]
    assert values(history, "masked_words_weight") == pytest.approx(scheduled)
    assert len(values(history, "sim_cse")) == STEPS
    if train.student == "colbert":
        learned = values(history, "margin_mse_weight")
        assert abs(learned[-1] - 1) > 0.02


def test_masked_words_are_learned(train):
    _, history = train("out", {"masked_words": {"share": 0.5, "texts": "passages"}})
    assert sum(values(history, "masked_words")[-3:]) < 0.9 * sum(values(history, "masked_words")[:3])


@pytest.mark.parametrize("lora", [None, LoraSettings(rank=2)], ids=["all weights", "lora"])
def test_a_stopped_run_goes_on_to_the_same_weights(train, lora):
    whole, history = train("whole", lora=lora)
    with stopped_at(6):
        train("stopped", lora=lora)
    resumed, later = train("stopped", lora=lora)
    for name in ("masked_words_weight", *["margin_mse_weight"] * (train.student == "colbert")):
        assert values(later, name) == values(history, name) != []
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_a_task_that_the_student_cannot_do_is_one_line(train):
    with pytest.raises(MenuraError, match=r"\[training\] \[sim_cse\] the student has no dropout") as raised:
        train("out", dropout=0.0)
    assert "\n" not in str(raised.value)
