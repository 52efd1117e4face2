"""Contradictions: which are found, what becomes of them, and the table for a person."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest

from menura import MenuraError
from menura.answer_key.views import (
    Answers,
    contradiction_rows,
    fit_view,
    view_scores,
    view_targets,
    write_contradictions,
)
from menura.answer_key.views.contradictions import between_teachers, with_labels
from menura.answer_key.views.grouping import Groups
from menura.recipe.view import LabelContradictionSettings, TeacherContradictionSettings, ViewSettings

NAN = math.nan
PAIRS = [("q", "p0"), ("q", "p1"), ("q", "p2"), ("q", "p3"), ("r", "p0"), ("r", "p1")]
LABELS = np.array([1, NAN, 0, 1, 1, NAN])


def test_between_teachers():
    standardised = np.array([[0.0, 1.0, -1.0, 2.0], [0.5, -1.5, NAN, NAN], [0.2, 0.0, 1.1, NAN]])
    settings = TeacherContradictionSettings(spread=2.0, weight=0.3)
    found = between_teachers(standardised, ["a", "b", "c"], settings)
    assert [(c.position, c.weight, c.rival) for c in found] == [(1, 0.3, None), (2, 0.3, None)]
    assert found[0].why == "a is at +1.00 standard deviations, b at -1.50"
    assert found[1].why == "c is at +1.10 standard deviations, a at -1.00"


@pytest.mark.parametrize(
    ("margin", "above", "expected"),
    [(1.0, 1, [(0, 1), (4, 5)]), (1.0, 2, [(0, 1)]), (3.0, 1, [(0, 1)]), (1.0, 3, []), (10.0, 1, [])],
)
def test_with_labels(margin, above, expected):
    scores = np.array([0.0, 9.0, 3.0, 8.0, 1.0, 3.5])
    settings = LabelContradictionSettings(margin=margin, above=above)
    found = with_labels(scores, LABELS, Groups([query for query, _ in PAIRS]), settings, deviation=2.0)
    # p3, labelled and above all but one, is none; nor does it count against p0.
    assert [(c.position, c.rival) for c in found] == expected


def test_a_silent_pair_contradicts_nothing():
    settings = LabelContradictionSettings(margin=0, above=1)
    assert with_labels(np.array([NAN, 1.0]), np.array([1.0, NAN]), Groups([0, 0]), settings, deviation=1.0) == []


LOGITS = np.array([[0.0, 9.0, 3.0, 8.0, 1.0, 3.5], [1.0, 8.0, 4.0, 9.0, 9.0, 3.0]])


def made(weight):
    view = ViewSettings.model_validate(
        {
            "contradictions": {
                "teachers": {"spread": 1.5, "weight": weight},
                "labels": {"margin": 0.5, "above": 2, "weight": weight},
            }
        }
    )
    answers = Answers(["small", "large"], PAIRS, LOGITS, LABELS)
    fit = fit_view(view, answers)
    return answers, view_scores(view, fit, answers), view_targets(view, fit, answers)


@pytest.mark.parametrize("weight", [1.0, 0.25, 0.0])
def test_kept_counted_less_or_dropped(weight):
    _, scores, targets = made(weight)
    assert [c.position for c in targets.contradictions] == [4, 0]
    kept = dict(zip(targets.positions.tolist(), targets.weights.tolist(), strict=True))
    expected = {0: weight, 1: 1, 2: 1, 3: 1, 4: weight, 5: 1}
    assert kept == {position: weight for position, weight in expected.items() if weight > 0}
    np.testing.assert_array_equal(targets.scores, scores[targets.positions])


def rows():
    answers, scores, targets = made(0.0)
    queries = {"q": "first, query", "r": 'a "second"\none'}
    corpus = {f"p{i}": f"passage {i}" for i in range(4)}
    return contradiction_rows(targets.contradictions, answers, scores, queries, corpus)


def test_a_person_sees_texts_scores_and_why():
    teachers, label = rows()
    assert (teachers["query_id"], teachers["passage_id"], teachers["passage"]) == ("r", "p0", "passage 0")
    assert (teachers["logit_small"], teachers["logit_large"], teachers["score"]) == (1.0, 9.0, 5.0)
    assert "large is at" in teachers["why"]
    assert (teachers["rival_id"], teachers["rival"], teachers["rival_score"]) == (None, None, None)
    assert (label["query"], label["label"], label["score"], label["weight"]) == ("first, query", 1, 0.5, 0.0)
    assert (label["rival_id"], label["rival"], label["rival_score"]) == ("p1", "passage 1", 8.5)
    assert label["why"].startswith("labelled 1, and 2 passages that are not labelled relevant score higher")


def test_every_kind_of_table_holds_the_same(tmp_path):
    for name in ("table.jsonl", "table.parquet", "table.csv"):
        write_contradictions(rows(), tmp_path / "view" / name)
    folder = tmp_path / "view"
    assert [json.loads(line) for line in (folder / "table.jsonl").read_text().splitlines()] == rows()
    assert pq.read_table(folder / "table.parquet").to_pylist() == rows()
    with (folder / "table.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["query"] for row in read] == [row["query"] for row in rows()]
    assert [float(row["logit_large"]) for row in read] == [row["logit_large"] for row in rows()]
    assert sorted(path.name for path in folder.iterdir()) == ["table.csv", "table.jsonl", "table.parquet"]


@pytest.mark.parametrize("name", ["table.jsonl", "table.parquet", "table.csv"])
def test_no_contradictions_and_no_place(tmp_path, name):
    write_contradictions([], tmp_path / name)
    assert (tmp_path / name).is_file()
    (tmp_path / "file").write_text("")
    with pytest.raises(MenuraError, match="cannot write"):
        write_contradictions(rows(), tmp_path / "file" / name)
