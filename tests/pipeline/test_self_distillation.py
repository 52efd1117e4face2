"""A recipe that trains a mentor first, and a smaller student out of it."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.layers import layer_stack
from menura.pipeline import Pipeline, evaluate
from menura.pipeline.student import StudentModel
from menura.recipe import Recipe
from menura.students import load_colbert, load_splade
from tiny import tiny_beir, tiny_cross_encoder, tiny_encoder, tiny_masked_lm

TRAINER = {"max_steps": 2, "batch_size": 4}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    lm = tiny_masked_lm(folder / "lm")
    return Recipe.model_validate(
        {
            "name": "tiny",
            "collection": {"source": str(tiny_beir(folder / "beir"))},
            "mining": {"miners": ["bm25"], "depth": 10, "negatives": 3},
            "teacher": {"model": tiny_cross_encoder(folder / "teacher"), "max_length": 64},
            "students": {
                "colbert": {
                    "layers": {"evenly": 2},
                    "dimension": 8,
                    "mentor": {
                        "student": {
                            "model": tiny_encoder(folder / "encoder", layers=4),
                            "dimension": 16,
                            "trainer": TRAINER,
                        },
                        "token_embeddings": {},
                        "hidden_states": {},
                    },
                    "trainer": TRAINER,
                },
                "splade": {"layers": 1, "mentor": {"model": lm, "vocabulary_vectors": {}}, "trainer": TRAINER},
            },
            "evaluation": {"rerank_depth": 5},
        }
    )


@pytest.fixture(scope="module")
def finished(recipe, tmp_path_factory):
    output = tmp_path_factory.mktemp("output")
    return output, evaluate(Pipeline(recipe, output))


def with_colbert(recipe, **changes):
    students = recipe.students.model_copy(update={"colbert": recipe.students.colbert.model_copy(update=changes)})
    return recipe.model_copy(update={"students": students})


def test_the_mentor_is_trained_first_and_reported(finished):
    output, report = finished
    assert [row.system for row in report.rows][2:] == [
        *("ColBERT start", "ColBERT mentor", "ColBERT distilled"),
        *("SPLADE start", "SPLADE mentor", "SPLADE distilled"),
    ]
    mentor, student = load_colbert(str(output / "colbert_mentor")), load_colbert(str(output / "colbert"))
    assert (len(layer_stack(mentor)), mentor.get_embedding_dimension()) == (4, 16)
    assert (len(layer_stack(student)), student.get_embedding_dimension()) == (2, 8)
    assert len(layer_stack(load_splade(str(output / "splade")))) == 1
    assert not (output / "splade_mentor").exists()


def test_a_mentor_is_trained_anew_when_its_own_settings_change_and_only_then(finished, recipe, monkeypatch):
    output, _ = finished
    trained = []
    monkeypatch.setattr(StudentModel, "train", lambda self, examples, folder: trained.append(folder.name))
    Pipeline(recipe, output).train("colbert")
    assert trained == []
    Pipeline(with_colbert(recipe, dropout=0.3), output).train("colbert")
    assert trained == ["colbert"]
    trained.clear()
    mentor = recipe.students.colbert.mentor
    mentor = mentor.model_copy(update={"student": mentor.student.model_copy(update={"dropout": 0.3})})
    Pipeline(with_colbert(recipe, mentor=mentor), output).train("colbert")
    assert trained == ["colbert_mentor", "colbert"]


def test_a_mentor_that_the_recipe_lacks(recipe, tmp_path):
    with pytest.raises(MenuraError, match=r"students\.colbert trains no mentor that could be colbert_mentor_mentor"):
        Pipeline(recipe, tmp_path).train("colbert_mentor_mentor")
