"""The whole path on tiny random models: what it makes, and what a second run does not make again."""

from __future__ import annotations

import json
import sys

import pytest

from menura import MenuraError
from menura.pipeline import Pipeline, evaluate, student
from menura.recipe import LoraSettings, Recipe, RegularizersSettings, TrainingListSettings
from menura.stage import Stage
from menura.teachers import CrossEncoderTeacher
from tiny import tiny_beir, tiny_cross_encoder, tiny_encoder, tiny_masked_lm

TRAINER = {"max_steps": 3, "batch_size": 4}
SYSTEMS = [
    "BM25",
    "Teacher on BM25 top 10",
    "ColBERT start",
    "ColBERT distilled",
    "SPLADE start",
    "SPLADE distilled",
]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return Recipe.model_validate(
        {
            "name": "tiny",
            "collection": {"source": str(tiny_beir(folder / "beir"))},
            "mining": {"miners": ["bm25"], "depth": 10, "negatives": 3},
            "teacher": {
                "model": tiny_cross_encoder(folder / "teacher"),
                "max_length": 64,
                "finetune": {"negatives": 2, "trainer": TRAINER},
            },
            "students": {
                "colbert": {"model": tiny_encoder(folder / "encoder"), "dimension": 16, "trainer": TRAINER},
                "splade": {"model": tiny_masked_lm(folder / "lm"), "trainer": TRAINER},
            },
            "evaluation": {"rerank_depth": 10},
        }
    )


@pytest.fixture(scope="module")
def finished(recipe, tmp_path_factory):
    output = tmp_path_factory.mktemp("output")
    return output, evaluate(Pipeline(recipe, output))


@pytest.fixture
def no_work(monkeypatch):
    """Whatever a finished folder must not do again fails."""

    def refuse(*_, **__):
        raise AssertionError("done again")

    monkeypatch.setattr(CrossEncoderTeacher, "score", refuse)
    steps = ("pipeline.mine", "student.train_colbert", "student.train_splade")
    for step in ("teachers.faculty.finetune", *(f"pipeline.{step}" for step in steps)):
        monkeypatch.setattr(f"menura.{step}", refuse)


def written(output):
    kept = ("candidates", "teacher", "colbert", "splade", "answer_key/scores")
    files = [path for folder in kept for path in (output / folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(output)): path.stat().st_mtime_ns for path in files}


def test_the_report_has_every_system(finished):
    output, report = finished
    assert [row.system for row in report.rows] == SYSTEMS
    assert [row.start for row in report.rows if row.start] == ["ColBERT start", "SPLADE start"]
    assert json.loads((output / "report.json").read_text())["rows"] == report.records()
    assert "SPLADE distilled" in (output / "report.md").read_text()
    assert (output / "report.csv").is_file()


def test_only_the_held_out_queries_are_measured(finished):
    _, report = finished
    held_out = {f"q{i}" for i in range(6, 12)}
    assert all(set(values) == held_out for row in report.rows for values in row.scores.values())


def test_the_speed_of_the_first_run_is_known(finished):
    _, report = finished
    assert all(row.seconds > 0 for row in report.rows)
    # Re-ranking cannot be faster than the search it re-ranks.
    assert report.rows[1].seconds > report.rows[0].seconds
    assert [row.system for row in report.rows if row.document_seconds is None] == ["Teacher on BM25 top 10"]


def test_a_second_run_does_nothing_again(finished, recipe, no_work):
    output, first = finished
    before = written(output)
    pipeline = Pipeline(recipe, output)
    assert pipeline.candidates.table.num_rows == 24
    assert pipeline.annotate().scored == 0
    second = evaluate(pipeline)
    assert written(output) == before
    assert [row.scores for row in second.rows] == [row.scores for row in first.rows]
    # Nothing was scored, so there is no speed to tell.
    assert second.rows[1].seconds is None


def test_a_teacher_leaves_before_students_train_and_comes_back_to_score(recipe, tmp_path, monkeypatch):
    pipeline = Pipeline(recipe, tmp_path)
    loaded = pipeline.panel.faculty._loaded
    seen = []
    for name in ("train_colbert", "train_splade"):
        train = getattr(student, name)

        def watched(*arguments, train=train, **options):
            seen.append(dict(loaded))
            return train(*arguments, **options)

        monkeypatch.setattr(student, name, watched)
    pipeline.train_all()
    assert seen == [{}, {}]
    assert pipeline.annotate().scored == 0
    assert not loaded
    evaluate(pipeline)
    assert list(loaded) == ["teacher"]


def test_new_settings_of_one_student_leave_the_rest(finished, recipe, no_work):
    output, _ = finished
    changed = recipe.students.splade.model_copy(update={"regularizers": RegularizersSettings(warmup=0.5)})
    students = recipe.students.model_copy(update={"splade": changed})
    pipeline = Pipeline(recipe.model_copy(update={"students": students}), output)
    pipeline.train("colbert")
    with pytest.raises(AssertionError, match="done again"):
        pipeline.train("splade")


def test_another_held_out_query_leaves_what_was_trained(finished, recipe, tmp_path):
    output, _ = finished
    beir = tiny_beir(tmp_path / "beir")
    changed = recipe.model_copy(update={"collection": recipe.collection.model_copy(update={"source": str(beir)})})
    for split, stays in (("test", True), ("train", False)):
        with (beir / "queries.jsonl").open("a") as queries, (beir / "qrels" / f"{split}.tsv").open("a") as qrels:
            queries.write(json.dumps({"_id": f"new {split}", "text": "red green"}) + "\n")
            qrels.write(f"new {split}\tp30\t1\n")
        pipeline = Pipeline(changed, output)
        assert f"new {split}" in pipeline.collection.split_queries(split)
        assert Stage(output / "candidates", pipeline._inputs.candidates(1)).finished == stays


def test_another_collection_makes_everything_anew(finished, recipe, tmp_path, no_work):
    output, _ = finished
    collection = recipe.collection.model_copy(update={"source": str(tiny_beir(tmp_path / "beir", passages=41))})
    with pytest.raises(AssertionError, match="done again"):
        _ = Pipeline(recipe.model_copy(update={"collection": collection}), output).candidates


def test_a_student_the_recipe_lacks(finished, recipe):
    output, _ = finished
    students = recipe.students.model_copy(update={"splade": None})
    pipeline = Pipeline(recipe.model_copy(update={"students": students}), output)
    assert pipeline.students() == ["colbert"]
    with pytest.raises(MenuraError, match=r"no students\.splade; it has: colbert"):
        pipeline.train("splade")


def test_what_is_not_installed_is_found_out_first(recipe, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    colbert = recipe.students.colbert.model_copy(update={"lora": LoraSettings()})
    students = recipe.students.model_copy(update={"colbert": colbert})
    with pytest.raises(MenuraError, match="lora needs peft"):
        Pipeline(recipe.model_copy(update={"students": students}), tmp_path / "out").train_all()
    assert not (tmp_path / "out").exists()


def test_a_recipe_without_students(recipe, tmp_path):
    empty = recipe.students.model_copy(update={"colbert": None, "splade": None})
    with pytest.raises(MenuraError, match="the recipe has no student"):
        Pipeline(recipe.model_copy(update={"students": empty}), tmp_path).students()


def test_a_training_list_is_read_again_when_it_changes(recipe, tmp_path):
    source = tmp_path / "triples.tsv"
    mining = recipe.mining.model_copy(update={"training_list": TrainingListSettings(format="gpl", source=str(source))})
    listed = recipe.model_copy(update={"mining": mining})
    source.write_text("q0\tp0\tp7\t1.5\n")
    assert Pipeline(listed, tmp_path / "output").candidates.by_query() == {"q0": (["p0"], ["p7"])}
    source.write_text("q0\tp0\tp8\t1.5\n")
    assert Pipeline(listed, tmp_path / "output").candidates.by_query() == {"q0": (["p0"], ["p8"])}
