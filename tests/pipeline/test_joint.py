"""Two students that teach each other are trained once, and each of them depends on the other."""

from __future__ import annotations

import pytest

from menura.pipeline import Pipeline, student
from menura.recipe import Recipe
from menura.students import save_student
from tiny import tiny_beir, tiny_cross_encoder, tiny_encoder, tiny_masked_lm

TRAINER = {"max_steps": 3, "batch_size": 4}


@pytest.fixture
def recipe(tmp_path):
    def make(**sections):
        students = {
            "colbert": {"model": str(tmp_path / "encoder"), "dimension": 16, "trainer": TRAINER},
            "splade": {"model": str(tmp_path / "lm"), "trainer": TRAINER},
        }
        for name, changed in sections.pop("students", {}).items():
            students[name] |= changed
        return Recipe.model_validate(
            {
                "name": "tiny",
                "collection": {"source": str(tmp_path / "beir")},
                "mining": {"miners": ["bm25"], "depth": 10, "negatives": 3},
                "teacher": {"model": str(tmp_path / "teacher"), "max_length": 64},
                "students": students,
                "joint": {},
                **sections,
            }
        )

    tiny_beir(tmp_path / "beir")
    tiny_cross_encoder(tmp_path / "teacher")
    tiny_encoder(tmp_path / "encoder")
    tiny_masked_lm(tmp_path / "lm")
    return make


@pytest.fixture
def trainings(monkeypatch):
    """The models that every training started from; students are saved as they are built."""
    began = []

    def saved(colbert, splade, settings, examples, *, folders, output, seed):
        began.append((colbert[1].model, splade[1].model))
        for name, (model, _) in {"colbert": colbert, "splade": splade}.items():
            save_student(model, folders[name])

    monkeypatch.setattr(student, "train_joint", saved)
    return began


def test_either_student_trains_both_once(recipe, tmp_path):
    output = tmp_path / "out"
    run = Pipeline(recipe(), output)
    assert run.train("splade") == output / "splade"
    weights = {name: (output / name / "model.safetensors").read_bytes() for name in ("colbert", "splade")}
    assert (output / "joint" / "history.json").is_file()
    for name in ("colbert", "splade"):
        assert Pipeline(recipe(), output).train(name) == output / name
        assert (output / name / "model.safetensors").read_bytes() == weights[name]


def test_what_one_depends_on_the_other_does(recipe, tmp_path, trainings):
    Pipeline(recipe(), tmp_path / "out").train("colbert")
    Pipeline(recipe(), tmp_path / "out").train("splade")
    assert len(trainings) == 1
    Pipeline(
        recipe(students={"splade": {"regularizers": {"documents": {"flops": {"weight": 0.5}}}}}), tmp_path / "out"
    ).train("colbert")
    assert len(trainings) == 2
    Pipeline(recipe(joint={"start_step": 1}), tmp_path / "out").train("colbert")
    assert len(trainings) == 3


def test_in_rounds_both_go_on_from_the_round_before(recipe, tmp_path, trainings):
    run = Pipeline(recipe(rounds={"count": 2, "start": "previous"}), tmp_path / "out")
    assert run.train("colbert") == tmp_path / "out" / "round_2" / "colbert"
    assert trainings == [
        (str(tmp_path / "encoder"), str(tmp_path / "lm")),
        (str(tmp_path / "out" / "colbert"), str(tmp_path / "out" / "splade")),
    ]


def test_another_seed_of_the_trainer_leaves_candidates_and_key(recipe, tmp_path, trainings):
    first = Pipeline(recipe(), tmp_path / "out")
    first.train("colbert")
    seeded = {name: {"trainer": {**TRAINER, "seed": 7}} for name in ("colbert", "splade")}
    second = Pipeline(recipe(students=seeded), tmp_path / "out")
    before = (tmp_path / "out" / "candidates" / "candidates.parquet").stat().st_mtime_ns
    second.train("colbert")
    assert len(trainings) == 2
    assert (first.model("colbert").seed, second.model("colbert").seed) == (42, 7)
    assert (tmp_path / "out" / "candidates" / "candidates.parquet").stat().st_mtime_ns == before
    assert second.annotate().scored == 0
