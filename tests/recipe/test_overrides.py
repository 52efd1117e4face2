"""Single values in the place of a recipe's, checked as those of the file."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.recipe import load_recipe

RECIPE = """
name: tiny
teachers:
  one: {model: first}
  two: {model: second}
view:
  scale: z_score
  combine: mean
  labels: {weight: 0.5, scores: {0: -1, 1: 1}}
mining:
students:
  colbert: {model: m, trainer: {epochs: 3}}
"""


@pytest.fixture
def load(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("mining:\n", ""))
    return lambda *settings: load_recipe(path, settings)


def refusal(load, *settings):
    with pytest.raises(MenuraError) as caught:
        load(*settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_values_are_typed_as_in_the_file(load):
    recipe = load(
        "students.colbert.trainer.epochs=0.5",
        "students.colbert.trainer.bf16=true",
        "mining.miners=[bm25, random]",
        "mining.filter=null",
        "name=12-b",
        "students.colbert.trainer.learning_rate = 1e-3",
    )
    trainer = recipe.students.colbert.trainer
    assert (trainer.epochs, trainer.bf16, trainer.learning_rate) == (0.5, True, 1e-3)
    assert (recipe.mining.miners, recipe.mining.filter, recipe.name) == (["bm25", "random"], None, "12-b")


def test_sections_that_are_not_there_are_made(load):
    recipe = load("students.splade={model: lm}", "students.splade.trainer.epochs=2", "rounds.count=3")
    assert (recipe.students.splade.trainer.epochs, recipe.rounds.count) == (2, 3)


def test_a_section_without_keys_can_be_filled(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    assert load_recipe(path, ["mining.depth=7"]).mining.depth == 7


def test_a_key_that_is_a_number_is_found(load):
    assert load("view.labels.scores.1=4").view.labels.scores == {0: -1, 1: 4}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["students.colbert.trainer.epochs=0"], "--set students.colbert.trainer.epochs: students.colbert.trainer.epoc"),
        (["students.colbert.trainer.epoch=1"], "unknown key 'students.colbert.trainer.epoch'; known here: epochs,"),
        (["student.colbert=null"], "--set student.colbert: unknown key 'student'; known here: name, seed"),
        (["mining.miners=[bm25, dens]"], "--set mining.miners: mining.miners.1 = 'dens': "),
        (["view.scale.like=one"], "view.scale is 'z_score' in "),
        (["view.rescale.like=three"], "--set view.rescale.like: view.rescale.like: no teacher is called 'three'"),
        (["seed=1", "seed=2"], "--set seed stands twice; give it once."),
        (["seed"], "--set takes KEY=VALUE, such as students.splade.trainer.epochs=2, null for none; got 'seed'."),
        (["seed="], "--set takes KEY=VALUE"),
        (["=1"], "--set takes KEY=VALUE"),
        (["mining..depth=1"], "--set takes KEY=VALUE"),
        (["mining.miners=[bm25"], "--set mining.miners: not valid YAML: "),
    ],
)
def test_what_cannot_be_set_names_its_key(load, settings, expected):
    assert expected in refusal(load, *settings)


def test_a_fault_of_the_file_keeps_its_line(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE + "sead: 1\n")
    assert ":13: unknown key 'sead'" in refusal(lambda *settings: load_recipe(path, settings), "seed=1")
