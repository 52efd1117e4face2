"""Several teachers and their view in a recipe: short forms, and what is wrong, with its line."""

from __future__ import annotations

import re

import pytest

from menura import MenuraError
from menura.recipe import Recipe, load_recipe
from menura.recipe.view import ViewSettings

BASE = "name: x\nstudents: {}\nteachers:\n  small: {model: m}\n  large: {model: n}\n"


def failure(tmp_path, text):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(MenuraError) as caught:
        load_recipe(path)
    return str(caught.value).replace(str(path), "r")


def view(**settings):
    return ViewSettings.model_validate(settings)


def test_short_forms_are_long_forms():
    assert view(scale="min_max", combine="mean", disagreement="query") == view(
        scale={"method": "min_max"}, combine={}, disagreement={"per": "query"}
    )
    assert view(combine={"route": "query.site", "teachers": {1: "a"}, "default": None}).combine.teachers == {"1": "a"}


def test_who_is_asked():
    names = ["a", "b", "c"]
    assert view().members(names) == names
    fixed = view(combine={"mean": {"c": 0.5, "a": 0.5, "b": 0}}, rescale={"like": "b"})
    assert (fixed.voices(names), fixed.members(names)) == (["a", "c"], names)
    route = view(combine={"route": "query.x", "teachers": {"1": "c"}, "default": None})
    assert (route.members(names), route.references) == (["c"], [])


@pytest.mark.parametrize(
    ("settings", "learns"),
    [
        ({}, False),
        ({"scale": "min_max", "rescale": {"like": "a", "per": "query"}}, False),
        ({"scale": {"like": "a"}}, True),
        ({"rescale": {"like": "a"}}, True),
        ({"combine": {"quality": "ndcg"}}, True),
    ],
)
def test_what_has_to_be_fitted(settings, learns):
    assert view(**settings).learns is learns


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("", "r:3: teachers: several teachers need a view that makes one score of theirs; for example view: {scale"),
        ("teacher: {model: q}\n", "r:6: teacher: teacher is for one and teachers for several"),
        ("view:\n  scale: minmax\n", "r:7: view.scale.method = 'minmax': Input should be 'none', 'min_max'"),
        (
            "view:\n  scale:\n    like: huge\n",
            "r:8: view.scale.like: no teacher is called 'huge'; there are: small, large",
        ),
        ("view:\n  scale: {temperature: 2, per: query}\n", "r:7: view.scale = .*: per belongs to like"),
        ("view:\n  scale: {temperature: 0}\n", "a temperature must be greater than 0"),
        ("view:\n  scale: {temperature: .nan}\n", "Input should be a finite number"),
        ("view:\n  scale: {like: large, temperature: 1}\n", "choose one of method, temperature and like"),
        ("view:\n  scale:\n    temperature: {small: 2}\n", "r:8: view.scale.temperature: no temperature for: large"),
        ("view:\n  combine: median\n", "r:7: view.combine = 'median': expected mean, or one of the keys"),
        ("view:\n  combine:\n    mean: {small: 1, large: 3}\n", "the weights must sum to 1; they sum to 4"),
        ("view:\n  combine:\n    mean: {small: 2, large: -1}\n", "a weight must not be negative"),
        (
            "view:\n  combine:\n    mean:\n      small: 0.5\n      huge: 0.5\n",
            "r:10: view.combine.mean.huge: no teacher",
        ),
        ("view:\n  combine: {quality: ndcg, route: query.x}\n", "choose one of mean, quality and route"),
        ("view:\n  combine: {quality: brier, temperature: 1}\n", "temperature belongs to quality: ndcg"),
        ("view:\n  combine: {default: small}\n", "teachers and default belong to a route"),
        ("view:\n  combine: {route: query.x, default: small}\n", "a route needs teachers"),
        ("view:\n  combine: {route: query.x, teachers: {1: small}}\n", "a route needs a default"),
        (
            "view:\n  combine: {route: site, teachers: {1: small}, default: null}\n",
            "a field is called query.NAME or passage.NAME; got 'site'",
        ),
        (
            "view:\n  combine:\n    route: query.x\n    teachers:\n      1: smal\n    default: large\n",
            "r:10: view.combine.teachers.1: no teacher is called 'smal'",
        ),
        (
            "view:\n  combine: {route: query.x, teachers: {1: small}, default: large}\n  disagreement: pair\n",
            "r:8: view.disagreement: a route has one teacher answer each pair",
        ),
        (
            "view:\n  combine: {mean: {small: 1}}\n  contradictions:\n    teachers: {}\n",
            "r:9: view.contradictions.teachers: one teacher is combined",
        ),
        ("view:\n  contradictions:\n    teachers: {sprad: 1}\n", "unknown key .*sprad'; known here: spread, weight"),
        ("view:\n  disagreement: {strength: .inf}\n", "view.disagreement.strength = inf: Input should be a finite"),
        ("view:\n  contradictions: {}\n", "r:7: view.contradictions = {}: say what may contradict: teachers, labels"),
        ("view:\n  contradictions: {table: ../x.csv}\n", "view.contradictions.table = '../x.csv'"),
        ("view:\n  labels: {weight: 2, scores: {1: 1}}\n", "view.labels.weight = 2"),
        (
            "view: {}\ncollection:\n  id_fields: {query.site: '('}\n",
            "r:8: collection.id_fields = .*no regular expression",
        ),
        ("view: {}\ncollection:\n  id_fields: {site: x}\n", "a field is called query.NAME or passage.NAME; got 'site'"),
    ],
)
def test_what_is_wrong_with_a_view(tmp_path, extra, expected):
    message = failure(tmp_path, BASE + extra)
    assert "\n" not in message
    assert re.search(expected, message), message


def test_names_and_settings_of_teachers(tmp_path):
    message = failure(tmp_path, BASE.replace("model: n", "modell: n") + "view: {}\n")
    assert "r:5: unknown key 'teachers.large.modell'; known here: model, max_length" in message
    assert "teachers.a/b" in failure(tmp_path, BASE.replace("large", "a/b") + "view: {}\n")
    assert "there is no teacher; add teacher, or several" in failure(tmp_path, "name: x\nstudents: {}\n")
    text = BASE.replace("model: n", "model: n, finetune: {where: {passage.site: [a]}}") + "view: {}\n"
    assert "a field is called query.NAME; got 'passage.site'" in failure(tmp_path, text)


def test_the_fields_a_recipe_needs():
    recipe = Recipe.model_validate(
        {
            "name": "x",
            "students": {},
            "teachers": {
                "a": {"model": "m", "finetune": {"where": {"query.year": [2001, "old"]}}},
                "b": {"model": "n"},
            },
            "view": {"combine": {"route": "passage.kind", "teachers": {"x": "a"}, "default": "b"}},
        }
    )
    assert recipe.fields == ["passage.kind", "query.year"]
    assert recipe.teachers["a"].finetune.where == {"query.year": ["2001", "old"]}
    one = Recipe.model_validate({"name": "x", "students": {}, "teacher": {"model": "m"}})
    assert (list(one.all_teachers), one.fields) == (["teacher"], [])
