"""How much an objective counts, as a recipe says it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from menura import MenuraError
from menura.losses import LearnedWeight, ScheduledWeight
from menura.recipe import ObjectivesSettings, WeightSettings, load_recipe
from menura.training.weighing import build_weight


def weight(value):
    return build_weight(ObjectivesSettings.model_validate({"margin_mse": {"weight": value}}).margin_mse.weight)


def test_the_three_kinds():
    assert build_weight(WeightSettings()) == 1.0
    assert weight(2) == 2.0
    assert weight({"from": 1, "to": 0}) == ScheduledWeight(1.0, 0.0, "linear")
    steps = {"from": 0, "to": 0.5, "schedule": "steps", "stages": 3}
    assert weight(steps) == ScheduledWeight(0.0, 0.5, "steps", 3)
    assert isinstance(weight("learned"), LearnedWeight)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "greater than 0"),
        (True, "valid dictionary"),
        (float("inf"), "finite"),
        ("learnt", "expected a number, learned, or the keys from and to"),
        ({"from": 1}, "give both"),
        ({"from": 1, "to": -1}, "greater than or equal to 0"),
        ({"from": 1, "to": 0, "value": 2}, "choose one of"),
        ({"from": 1, "to": 0, "learned": True}, "choose one of"),
        ({"value": 1, "schedule": "linear"}, "belong to from and to"),
        ({"from": 1, "to": 0, "stages": 3}, "stages belong to schedule: steps"),
        ({"start": 1, "end": 0}, "Extra inputs"),
    ],
)
def test_weights_that_are_none(value, message):
    with pytest.raises(ValidationError, match=message):
        weight(value)


def test_a_misspelt_key_is_told_those_of_a_recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    objectives = "{margin_mse: {weight: {form: 1, to: 0}}}"
    path.write_text(f"name: a\nteacher: {{model: b}}\nstudents:\n  colbert: {{model: c, objectives: {objectives}}}\n")
    with pytest.raises(MenuraError, match=r"unknown key .*weight\.form'; known here: value, from, to, schedule"):
        load_recipe(path)


def test_the_shipped_recipe_fixes_and_schedules():
    students = load_recipe("multi_task").students
    tasks = [*students.colbert.objectives, *students.splade.objectives]
    kinds = {type(build_weight(task.weight)) for _, task in tasks if task is not None}
    assert kinds == {float, ScheduledWeight}
