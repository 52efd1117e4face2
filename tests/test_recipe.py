"""Recipes: every mistake names its line."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.recipe import load_recipe

RECIPE = """\
name: test
teacher:
  model: some/teacher
students:
  colbert:
    model: some/encoder
    trainer:
      batch_size: 8
"""


def load(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return load_recipe(path)


def test_a_recipe_with_defaults(tmp_path):
    recipe = load(tmp_path, RECIPE)
    assert recipe.students.colbert.trainer.batch_size == 8
    assert recipe.students.splade is None
    assert recipe.collection.source == "docstrings"


def test_the_shipped_recipe():
    recipe = load_recipe("demo")
    assert recipe.students.colbert is not None
    assert recipe.students.splade is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("batch_size: 8", "batch_sise: 8"),
            r"recipe.yaml:8: unknown key 'students.colbert.trainer.batch_sise'; known here: epochs",
        ),
        (("students:", "student:"), r"recipe.yaml:4: unknown key 'student'"),
        (
            ("batch_size: 8", "batch_size: -1"),
            r"recipe.yaml:8: students.colbert.trainer.batch_size = -1: .*greater than or equal to 1",
        ),
        (("batch_size: 8", "batch_size: many"), r"recipe.yaml:8: students.colbert.trainer.batch_size = 'many'"),
        (("  model: some/teacher", "  max_length: 64"), r"recipe.yaml:2: 'teacher.model' is missing"),
        (("name: test", "name: [test"), r"recipe.yaml:\d+: not valid YAML"),
        ((RECIPE, "- a list"), r"expected keys and values, got list"),
        ((RECIPE, ""), r"expected keys and values, got NoneType"),
    ],
)
def test_mistakes_name_their_line(tmp_path, change, message):
    with pytest.raises(MenuraError, match=message):
        load(tmp_path, RECIPE.replace(*change))


def test_recipes_that_are_not_there(tmp_path):
    with pytest.raises(MenuraError, match=r"cannot read .*nowhere.yaml"):
        load_recipe(tmp_path / "nowhere.yaml")
    with pytest.raises(MenuraError, match="'dmeo' is neither a file nor a shipped recipe; shipped are: demo"):
        load_recipe("dmeo")
