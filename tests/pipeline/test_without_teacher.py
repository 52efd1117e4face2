"""Students that learn from labels and mined negatives alone, end to end on tiny models."""

from __future__ import annotations

import pytest
import yaml

from menura import MenuraError
from menura.pipeline import Pipeline, evaluate, teacher_cards
from menura.recipe import Recipe
from tiny import tiny_beir, tiny_encoder, tiny_masked_lm

TRAINER = {"max_steps": 2, "batch_size": 4}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return {
        "name": "labels",
        "collection": {"source": str(tiny_beir(folder / "beir"))},
        "mining": {"miners": ["bm25"], "depth": 10, "negatives": 3},
        "students": {
            "colbert": {
                "model": tiny_encoder(folder / "encoder"),
                "dimension": 16,
                "objectives": {"contrastive": {}},
                "trainer": TRAINER,
            },
            "splade": {
                "model": tiny_masked_lm(folder / "lm"),
                "objectives": {"contrastive": {}, "constant_margin": {"weight": 0.1}},
                "trainer": TRAINER,
            },
        },
        "evaluation": {"rerank_depth": 10},
    }


@pytest.fixture(scope="module")
def finished(settings, tmp_path_factory):
    output = tmp_path_factory.mktemp("output")
    return output, evaluate(Pipeline(Recipe.model_validate(settings), output))


def test_students_are_trained_and_measured_and_nobody_is_asked(finished):
    output, report = finished
    assert [row.system for row in report.rows] == [
        *("BM25", "ColBERT start", "ColBERT trained", "SPLADE start", "SPLADE trained")
    ]
    assert report.notes[-1] == "No teacher: students learned from labels and mined negatives alone."
    written = {path.name for path in output.iterdir()}
    assert {"candidates", "colbert", "splade", "report.md"} <= written
    assert not written & {"answer_key", "teacher", "view"}


def test_a_second_run_trains_nothing_again(finished, settings, monkeypatch):
    output, first = finished

    def refuse(*_, **__):
        raise AssertionError("done again")

    for name in ("pipeline.mine", "student.train_colbert", "student.train_splade"):
        monkeypatch.setattr(f"menura.pipeline.{name}", refuse)
    second = evaluate(Pipeline(Recipe.model_validate(settings), output))
    assert [row.scores for row in second.rows] == [row.scores for row in first.rows]


def test_students_of_a_second_round_mine_without_a_teacher(settings, tmp_path):
    students = {"colbert": settings["students"]["colbert"]}
    recipe = Recipe.model_validate({**settings, "students": students, "rounds": {"count": 2}})
    pipeline = Pipeline(recipe, tmp_path)
    pipeline.train("colbert")
    origins = {part for origin in pipeline.mined(2).table["origin"].to_pylist() for part in origin.split("+")}
    assert "colbert" in origins


def test_nobody_can_be_asked(finished, settings):
    output, _ = finished
    pipeline = Pipeline(Recipe.model_validate(settings), output)
    for ask in (pipeline.annotate, lambda: pipeline.export("colbert", output / "x"), lambda: teacher_cards(pipeline)):
        with pytest.raises(MenuraError, match="the recipe has no teacher to ask; add teacher"):
            ask()


def test_no_teacher_can_be_replaced(run, settings, tmp_path):
    path = tmp_path / "labels.yaml"
    path.write_text(yaml.safe_dump(settings))
    code, _, error = run("train", path, "--teacher", "some/teacher")
    assert code == 2
    assert "--teacher takes the place of one teacher, and the recipe has none" in error


def test_a_student_with_a_mentor_is_distilled_all_the_same(finished, settings, tmp_path):
    output, _ = finished
    students = settings["students"]
    mentor = {"model": str(output / "colbert"), "scores": {"margin_mse": {}}}
    students = {**students, "colbert": {**students["colbert"], "mentor": mentor}}
    report = evaluate(Pipeline(Recipe.model_validate({**settings, "students": students}), tmp_path))
    systems = [row.system for row in report.rows]
    assert systems[1:] == ["ColBERT start", "ColBERT mentor", "ColBERT distilled", "SPLADE start", "SPLADE trained"]
    assert report.notes[-2:] == [
        "ColBERT: no teacher; it learned from its mentor, labels and mined negatives.",
        "SPLADE: no teacher; it learned from labels and mined negatives alone.",
    ]
