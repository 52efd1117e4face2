"""Mentors and layers in recipes: what may be said of them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from menura import MenuraError
from menura.recipe import ColbertSettings, LayersSettings, load_recipe

BASE = "name: tiny\nteacher: {model: some/teacher}\nstudents:\n"


def read(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(BASE + text)
    return load_recipe(path)


def failure(tmp_path, text):
    with pytest.raises(MenuraError) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_mentor_may_be_given_or_trained_first(tmp_path):
    given = read(tmp_path, "  colbert: {model: a/small, mentor: {model: a/large, alignment: {}}}\n").students.colbert
    assert (given.start, given.mentor.model, given.mentor.alignment.temperature) == ("a/small", "a/large", 0.1)
    text = "  colbert: {layers: {evenly: 3}, mentor: {student: {model: a/base, layers: 12}, token_embeddings: {}}}\n"
    trained = read(tmp_path, text).students.colbert
    assert trained.start is None
    ready = trained.mentored(Path("out/colbert_mentor"))
    assert ready.start == ready.mentor.model == "out/colbert_mentor"
    assert ready.mentor.student is None
    assert ready.layers.of(12) == [4, 8, 12]


def test_the_shipped_recipes_train_their_mentors_first():
    colbert = load_recipe("self_distillation").students.colbert
    splade = load_recipe("splade_self_distillation").students.splade
    assert (colbert.layers.of(6), splade.layers.of(2)) == ([2, 4, 6], [2])
    for student in (colbert, splade):
        assert student.start is None
        assert student.mentor.student.start is not None


def test_a_mentor_may_have_a_mentor():
    step = {"model": "a/base", "mentor": {"model": "a/large", "alignment": {}}}
    settings = ColbertSettings.model_validate({"model": "a/small", "mentor": {"student": step, "alignment": {}}})
    assert settings.mentor.student.mentor.model == "a/large"


def test_a_trained_student_keeps_the_layers_that_it_has():
    settings = ColbertSettings.model_validate({"model": "a/base", "layers": {"last": 2}})
    assert settings.trained(Path("out")).model_dump(include={"model", "layers"}) == {"model": "out", "layers": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  colbert: {dimension: 8}\n", "students.colbert = {'dimension': 8}: name a model, or a mentor to start from"),
        (
            "  colbert: {model: a, mentor: {model: b}}\n",
            "must pass something on; choose at least one of scores",
        ),
        ("  colbert: {model: a, mentor: {alignment: {}}}\n", "a mentor is either a model or a student"),
        (
            "  colbert: {model: a, mentor: {model: b, alignmnt: {}}}\n",
            "known here: model, scores, hidden_states",
        ),
        ("  colbert: {model: a, mentor: {model: b, vocabulary_vectors: {}}}\n", "unknown key"),
        ("  splade: {model: a, mentor: {model: b, alignment: {}}}\n", "unknown key"),
        ("  splade: {model: a, mentor: {model: b, hidden_states: {layers: {}}}}\n", "hidden_states.layers"),
        ("  colbert: {model: a, layers: 0}\n", "students.colbert.layers.first = 0"),
        ("  colbert: {model: a, layers: []}\n", "students.colbert.layers.numbers = []"),
        ("  colbert: {model: a, layers: [2, 1]}\n", "numbers must rise"),
        ("  colbert: {model: a, layers: {first: 1, last: 1}}\n", "say one of first, last, evenly and numbers"),
        (
            "  colbert: {model: a, layers: {every: 2}}\n",
            "unknown key 'students.colbert.layers.every'",
        ),
    ],
)
def test_what_is_refused(tmp_path, text, expected):
    assert expected in failure(tmp_path, text)


def test_layers_beyond_the_last():
    for value in (7, [1, 7], {"last": 7}):
        with pytest.raises(ValueError, match="there are 6 layers; cannot keep"):
            LayersSettings.model_validate(value).of(6)
    assert LayersSettings.model_validate({"last": 2}).of(6) == [5, 6]


def test_a_mentor_without_a_teacher(tmp_path):
    """What is trained first learns from the teacher as well."""
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "name: tiny\nstudents:\n  colbert:\n    objectives: {contrastive: {}}\n    mentor:\n      alignment: {}\n"
        "      student:\n        model: a/base\n"
    )
    with pytest.raises(MenuraError, match=r"students\.colbert\.mentor\.student\.objectives\.margin_mse: there is no"):
        load_recipe(path)
    assert load_recipe(path, ["students.colbert.mentor.student.objectives={contrastive: {}}"]).teacher is None


def test_objectives_that_never_look_at_a_mentor(tmp_path):
    said = failure(tmp_path, "  colbert: {model: a, mentor: {model: b, scores: {contrastive: {}, ranknet: {}}}}\n")
    assert "contrastive never look at a mentor's scores; name them under objectives" in said
