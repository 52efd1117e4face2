"""A ColBERT and a SPLADE in one training: apart when they teach nothing, closer when they do, exact when resumed."""

from __future__ import annotations

import json

import pytest
import torch

from menura import MenuraError
from menura.recipe import ColbertSettings, JointSettings, ObjectivesSettings, SpladeSettings, TrainerSettings
from menura.recipe.joint import PerStudent
from menura.students import build_colbert, build_splade
from menura.trainer import latest_checkpoint
from menura.training import build_examples, train_colbert, train_joint, train_splade
from stopping import stopped_at
from tiny import WORDS, tiny_encoder, tiny_masked_lm

QUERIES = {f"q{i}": f"find {WORDS[i]} {WORDS[i + 1]}" for i in range(8)}
CORPUS = {f"p{i}": f"{WORDS[i]} {WORDS[i + 1]} of the {WORDS[i + 20]} table" for i in range(12)}
CANDIDATES = {f"q{i}": ([f"p{i}"], [f"p{(i + 3) % 12}", f"p{(i + 7) % 12}"]) for i in range(8)}
LOGITS = {
    (query_id, passage_id): 1.0 if passage_id in positives else -0.1 * int(passage_id[1:])
    for query_id, (positives, negatives) in CANDIDATES.items()
    for passage_id in (*positives, *negatives)
}
ALONE = JointSettings.model_validate({"peer": 0, "ensemble": 0})
TAUGHT = JointSettings.model_validate({"temperature": {"colbert": 0.2, "splade": 0.5}})


@pytest.fixture
def students(tmp_path):
    common = {"max_steps": 6, "batch_size": 4, "logging_steps": 1, "save_steps": 2}
    rates = (1e-2, 2e-3)
    colbert, splade = (TrainerSettings(learning_rate=rate, **common) for rate in rates)
    return (
        ColbertSettings(
            model=tiny_encoder(tmp_path / "encoder"), dimension=16, projection_learning_rate=2e-2, trainer=colbert
        ),
        SpladeSettings(model=tiny_masked_lm(tmp_path / "lm"), max_length=16, trainer=splade),
    )


def examples():
    return build_examples(CANDIDATES, LOGITS, QUERIES, CORPUS, negatives=2)


def trained(students, joint, output):
    """The two models after training together."""
    colbert, splade = students
    models = build_colbert(colbert), build_splade(splade)
    train_joint(
        (models[0], colbert),
        (models[1], splade),
        joint,
        examples(),
        folders={name: output / name for name in ("colbert", "splade")},
        output=output / "joint",
        seed=1,
    )
    return models


def without_dropout(students):
    return [settings.model_copy(update={"dropout": 0.0}) for settings in students]


def history(output):
    return [entry for entry in json.loads((output / "joint" / "history.json").read_text()) if "loss" in entry]


def same(first, second):
    return all(
        torch.equal(tensor, other)
        for tensor, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_students_that_teach_nothing_end_as_if_trained_alone(students, tmp_path):
    colbert, splade = without_dropout(students)
    together = trained((colbert, splade), ALONE, tmp_path)
    alone = build_colbert(colbert), build_splade(splade)
    train_colbert(alone[0], colbert, examples(), output=tmp_path / "alone" / "colbert", seed=1)
    train_splade(alone[1], splade, examples(), output=tmp_path / "alone" / "splade", seed=1)
    assert same(together[0], alone[0])
    assert same(together[1], alone[1])


def test_each_student_learns_from_the_other_from_the_start_step_on(students, tmp_path):
    students = without_dropout(students)
    alone = trained(students, ALONE, tmp_path / "alone")
    late = trained(students, TAUGHT.model_copy(update={"start_step": 4}), tmp_path / "late")
    assert not any(same(*pair) for pair in zip(alone, late, strict=True))
    entries = history(tmp_path / "late")
    parts = ("colbert_peer", "splade_peer", "colbert_ensemble", "splade_ensemble")
    assert [any(float(entry[part]) > 0 for part in parts) for entry in entries] == [False] * 4 + [True] * 2
    for part in ("colbert_margin_mse", "splade_pointwise_mse"):
        curves = [[entry[part] for entry in history(tmp_path / name)] for name in ("alone", "late")]
        assert curves[0][:5] == curves[1][:5]


def test_students_that_teach_each_other_come_to_agree(students, tmp_path):
    trained(students, TAUGHT.model_copy(update={"peer": PerStudent(colbert=10, splade=10)}), tmp_path)
    first, *_, last = (float(entry["colbert_peer"]) + float(entry["splade_peer"]) for entry in history(tmp_path))
    assert last < 0.7 * first


def test_each_students_weights_are_its_own(students, tmp_path):
    learned = {"weight": "learned"}
    objectives = ({"margin_mse": learned}, {"margin_mse": learned, "masked_words": {"weight": {"from": 1, "to": 0}}})
    students = [
        settings.model_copy(update={"objectives": ObjectivesSettings.model_validate(chosen)})
        for settings, chosen in zip(students, objectives, strict=True)
    ]
    trained(students, ALONE, tmp_path)
    entries = history(tmp_path)
    scheduled = [float(entry["splade_masked_words_weight"]) for entry in entries]
    assert scheduled == pytest.approx([1, 0.8, 0.6, 0.4, 0.2, 0])
    last = [float(entries[-1][f"{name}_margin_mse_weight"]) for name in ("colbert", "splade")]
    assert last[0] != last[1]
    assert all(abs(weight - 1) > 0.01 for weight in last)


def test_both_are_saved_and_read_as_always(students, tmp_path):
    models = trained(students, TAUGHT, tmp_path)
    colbert, splade = (
        settings.model_copy(update={"model": str(tmp_path / name)})
        for settings, name in zip(students, ("colbert", "splade"), strict=True)
    )
    assert same(build_colbert(colbert), models[0])
    assert same(build_splade(splade), models[1])
    assert all((tmp_path / name / "calibration.json").is_file() for name in ("colbert", "splade"))


def test_a_stopped_run_goes_on_to_the_same_weights(students, tmp_path):
    joint = TAUGHT.model_copy(update={"start_step": 3})
    whole = trained(students, joint, tmp_path / "whole")
    with stopped_at(5):
        trained(students, joint, tmp_path / "stopped")
    assert latest_checkpoint(tmp_path / "stopped" / "joint" / "checkpoints").name == "checkpoint-4"
    resumed = trained(students, joint, tmp_path / "stopped")
    assert all(same(*pair) for pair in zip(whole, resumed, strict=True))
    assert history(tmp_path / "whole")[-2:] == history(tmp_path / "stopped")[-2:]


def test_a_training_that_ends_before_they_teach_each_other(students, tmp_path):
    with pytest.raises(MenuraError, match=r"joint\.start_step 6 is not reached in 6 steps"):
        trained(students, TAUGHT.model_copy(update={"start_step": 6}), tmp_path)
