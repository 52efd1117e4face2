"""Recipes: what is wrong with one is said with its file and line."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.recipe import load_recipe

BASE = "name: tiny\nteacher:\n  model: some/teacher\nstudents: {}\n"


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "recipe.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def failure(path):
    with pytest.raises(MenuraError) as caught:
        load_recipe(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_shipped_demo_loads():
    recipe = load_recipe("demo")
    assert recipe.name == "demo"
    assert recipe.students.colbert is not None
    assert recipe.students.splade is not None


def test_a_folder_of_that_name_does_not_hide_it(tmp_path, monkeypatch):
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_recipe("demo").name == "demo"


def test_what_is_left_out_has_a_default(written):
    recipe = load_recipe(written(BASE))
    assert (recipe.seed, recipe.mining.depth, recipe.students.colbert) == (42, 50, None)


def test_a_misspelt_key_names_file_line_and_known_keys(written):
    path = written(BASE + "colection:\n  source: docstrings\n")
    message = failure(path)
    assert f"{path}:5: unknown key 'colection'; known here: name, seed, collection, mining" in message


def test_a_misspelt_key_deep_inside(written):
    text = BASE.replace("some/teacher", "some/teacher\n  finetune:\n    trainer:\n      learning_rte: 1")
    message = failure(written(text))
    assert ":6: unknown key 'teacher.finetune.trainer.learning_rte'; known here: epochs, max_steps" in message


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("mining:\n  depth: 0\n", ":6: mining.depth = 0: "),
        ("mining:\n  miners:\n  - bm25\n  - dens\n", ":8: mining.miners.1 = 'dens': "),
        ("seed: many\n", ":5: seed = 'many': "),
        ("evaluation:\n", ":5: evaluation = None: "),
        ("mining:\n  filter: {judge: teacher, relative_margin: 0.1}\n", "0.1}: a teacher's logits have no zero"),
        ("mining:\n  filter: {judge: bm25}\n", ":6: mining.filter = {'judge': 'bm25'}: give max_score"),
        ("mining:\n  depth: 5\n  range_min: 5\n", "range_min 5 leaves nothing of depth 5."),
        ("rounds:\n  count: 0\n", ":6: rounds.count = 0: "),
        ("rounds:\n  miners: []\n", ":6: rounds.miners = []: "),
    ],
)
def test_a_bad_value_names_its_line(written, extra, expected):
    assert expected in failure(written(BASE + extra))


def test_a_missing_key_is_named(written):
    assert "'name' is missing" in failure(written("teacher: {model: m}\nstudents: {}\n"))
    assert "there is no teacher; add teacher" in failure(written("name: x\nstudents: {}\n"))


def test_a_training_list_has_one_round(written):
    content = BASE + "mining:\n  training_list: {format: gpl, source: x}\nrounds:\n  count: 2\n"
    assert ":8: rounds.count: a training list is not mined" in failure(written(content))


def test_every_problem_is_told_at_once(written):
    message = failure(written(BASE + "sead: 1\nmining:\n  depth: 0\n"))
    assert "sead" in message
    assert "mining.depth" in message


def test_a_key_that_stands_twice_is_not_overwritten_silently(written):
    assert ":5: 'seed' stands twice; first on line 1." in failure(
        written("seed: 1\n" + BASE.removesuffix("students: {}\n") + "seed: 2\n")
    )
    assert ":7: 'depth' stands twice; first on line 6." in failure(written(BASE + "mining:\n  depth: 1\n  depth: 2\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [1\n", "not valid YAML"),
        ("", "expected keys and values, got NoneType"),
        ("- a\n- b\n", "expected keys and values, got list"),
        (b"name: \xff\xfe\n", "is not UTF-8 text; byte 6 is not"),
    ],
)
def test_what_is_no_recipe(written, text, expected):
    assert expected in failure(written(text))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("dmo", "'dmo' is neither a file nor a shipped recipe; shipped are: demo"),
        ("missing.yaml", "cannot read missing.yaml: No such file"),
    ],
)
def test_a_recipe_that_is_not_there(source, expected):
    assert expected in failure(source)
