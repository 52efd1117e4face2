"""From a recipe's objectives to those that train a student."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.recipe import ColbertSettings, ObjectivesSettings, SpladeSettings
from menura.students import build_colbert, build_splade
from menura.training import build_examples, running, train_colbert, train_splade
from menura.training.objectives import OBJECTIVES, build_objectives
from tiny import WORDS, tiny_encoder, tiny_masked_lm

QUERIES = {f"q{i}": f"find {WORDS[i]} {WORDS[i + 1]}" for i in range(16)}
CORPUS = {f"p{i}": f"{WORDS[i]} {WORDS[i + 1]} of the {WORDS[i + 20]} table" for i in range(24)}
CANDIDATES = {f"q{i}": ([f"p{i}"], [f"p{(i + 3) % 24}", f"p{(i + 7) % 24}"]) for i in range(16)}
LOGITS = {
    (query_id, passage_id): 1.0 if passage_id in positives else -0.5 - 0.02 * int(passage_id[1:])
    for query_id, (positives, negatives) in CANDIDATES.items()
    for passage_id in (*positives, *negatives)
}
TRAINER = {"max_steps": 3, "batch_size": 4, "logging_steps": 1}


def examples(logits=LOGITS):
    return build_examples(CANDIDATES, logits, QUERIES, CORPUS, negatives=2)


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """A model and its reference."""
    folder = tiny_masked_lm(tmp_path_factory.mktemp("lm"))
    return build_splade(SpladeSettings(model=folder)), folder


def test_every_objective_can_be_chosen_and_says_alike_what_it_needs(student):
    assert set(OBJECTIVES) == set(ObjectivesSettings.model_fields)
    settings = ObjectivesSettings.model_validate({name: {"weight": 0.5} for name in OBJECTIVES})
    built = build_objectives(settings, *student)
    assert [objective.name for objective in built] == list(OBJECTIVES)
    assert {objective.weight for objective in built} == {0.5}
    assert [objective.name for objective in built if objective.needs_logits] == settings.need_logits
    assert [objective.name for objective in built if objective.encodes_again] == settings.encode_again


def test_what_the_recipe_says_reaches_the_objective(student):
    options = {
        "ranknet": {"pairs": "positive", "temperature": 2.0, "weigh_margins": True},
        "kl_divergence": {"teacher_temperature": 0.25, "student_normalization": "z_score"},
        "contrastive": {"temperature": 0.05},
        "constant_margin": {"margin": 3.0},
        "pointwise_mse": {"learn_calibration": True, "calibration_learning_rate": 0.5},
        "masked_words": {"share": 0.3, "texts": "queries"},
        "sim_cse": {"temperature": 0.2, "texts": "passages"},
    }
    for objective in build_objectives(ObjectivesSettings.model_validate(options), *student):
        card = objective.get_config_dict()
        wanted = options[objective.name]
        if objective.name == "pointwise_mse":
            assert card["calibration"] == "Affine(scale=1.0, offset=0.0)"
        else:
            assert {name: card[name] for name in wanted} == wanted


def test_without_a_teacher_rows_have_no_label():
    assert examples(None).column_names == ["query", "passage_1", "passage_2", "passage_3"]
    assert examples(None)[:3]["passage_1"] == examples()[:3]["passage_1"]


def trained(student, settings, data, output):
    build, train = (build_colbert, train_colbert) if student == "colbert" else (build_splade, train_splade)
    return train(build(settings), settings, data, output=output, seed=1)


def student_settings(student, folder, objectives, **options):
    kind, model = (ColbertSettings, tiny_encoder) if student == "colbert" else (SpladeSettings, tiny_masked_lm)
    return kind.model_validate({"model": model(folder), "objectives": objectives, "trainer": TRAINER, **options})


@pytest.mark.parametrize("student", ["colbert", "splade"])
def test_both_students_learn_from_labels_alone(student, tmp_path):
    options = {"dimension": 16} if student == "colbert" else {"regularizers": {"documents": {}, "queries": {}}}
    options["trainer"] = {**TRAINER, "max_steps": 20, "learning_rate": 1e-2}
    settings = student_settings(student, tmp_path / "start", {"contrastive": {"temperature": 0.1}}, **options)
    result = trained(student, settings, examples(None), tmp_path / "out")
    curve = [entry["loss"] for entry in result.history if "loss" in entry]
    assert sum(curve[-3:]) < 0.8 * sum(curve[:3])
    assert (result.calibration.scale, result.calibration.offset) == (1, 0)


def test_an_objective_that_needs_logits_says_that_there_are_none(tmp_path):
    settings = student_settings("colbert", tmp_path / "start", {"margin_mse": {}}, dimension=16)
    with pytest.raises(ValueError, match="margin_mse need a teacher's logits, and the batch has no labels"):
        trained("colbert", settings, examples(None), tmp_path / "out")
    with pytest.raises(MenuraError, match="the examples have no logits to calibrate"):
        trained("colbert", settings.model_copy(update={"calibrate": True}), examples(None), tmp_path / "other")


@pytest.mark.parametrize("student", ["colbert", "splade"])
def test_a_learned_calibration_has_its_own_learning_rate(student, tmp_path, monkeypatch):
    seen = {}
    finish = running.finish

    def keep(trainer, *arguments):
        seen["loss"] = trainer.loss
        return finish(trainer, *arguments)

    monkeypatch.setattr(f"menura.training.{student}.finish", keep)
    objectives = {"pointwise_mse": {"learn_calibration": True, "calibration_learning_rate": 0.1}}
    settings = student_settings(student, tmp_path / "start", objectives)
    build = build_colbert if student == "colbert" else build_splade
    before = list(build(settings).parameters())
    trained(student, settings, examples(), tmp_path / "out")
    calibration = seen["loss"].objectives[0].calibration
    assert calibration.log_scale.abs() > 0.01
    assert calibration.offset.abs() > 0.01
    moved = [(new - old).abs().max() for new, old in zip(seen["loss"].model.parameters(), before, strict=True)]
    assert max(moved) < 1e-3
