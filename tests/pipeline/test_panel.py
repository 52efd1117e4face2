"""Two teachers, end to end on tiny models: who is asked what, what students are taught, what is kept."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import yaml

from menura import MenuraError
from menura.answer_key import AnswerKey
from menura.answer_key.overview import overview
from menura.cli.opening import open_pipeline
from menura.collections import read_beir, write_beir
from menura.mining import Candidates
from menura.pipeline import Lesson, Pipeline, evaluate
from menura.recipe import Recipe
from menura.teachers import CrossEncoderTeacher
from tiny import tiny_beir, tiny_cross_encoder, tiny_encoder

TRAINER = {"max_steps": 2, "batch_size": 4}
FIELDS = {"query.site": {f"q{i}": "even" if i % 2 == 0 else "odd" for i in range(12)}}
ENSEMBLE = {
    "scale": "min_max",
    "rescale": {"like": "plain"},
    "disagreement": "pair",
    "contradictions": {"teachers": {"spread": 1.5, "weight": 0.5}, "labels": {"above": 1, "margin": 0, "weight": 0}},
}
ROUTE = {"combine": {"route": "query.site", "teachers": {"even": "fine"}, "default": "plain"}}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    write_beir(replace(read_beir(tiny_beir(folder / "plain")), fields=FIELDS), folder / "beir")
    cross_encoder = tiny_cross_encoder(folder / "teacher")
    return {
        "name": "two",
        "collection": {"source": str(folder / "beir")},
        "mining": {"miners": ["bm25"], "depth": 10, "negatives": 3},
        "teachers": {
            "plain": {"model": cross_encoder, "max_length": 64},
            "fine": {
                "model": cross_encoder,
                "max_length": 64,
                "finetune": {"negatives": 2, "where": {"query.site": ["even"]}, "trainer": TRAINER},
            },
        },
        "students": {
            "colbert": {
                "model": tiny_encoder(folder / "encoder"),
                "dimension": 16,
                "calibrate": True,
                "trainer": TRAINER,
            }
        },
        "evaluation": {"rerank_depth": 5},
    }


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """One folder for all: each view finds what the one before it left."""
    return tmp_path_factory.mktemp("output")


def pipeline(settings, output, **view):
    return Pipeline(Recipe.model_validate({**settings, "view": view}), output)


@pytest.fixture(scope="module")
def ensemble(settings, output):
    made = pipeline(settings, output, **ENSEMBLE)
    return made, evaluate(made)


def test_every_teacher_and_the_view_are_measured(ensemble):
    made, report = ensemble
    names = ["BM25", "Teacher plain on BM25 top 5", "Teacher fine on BM25 top 5", "View of the teachers on BM25 top 5"]
    assert [row.system for row in report.rows[:4]] == names
    assert [" ".join(note.split()[:2]) for note in report.notes[:2]] == ["Teacher plain:", "Teacher fine:"]
    assert report.notes[2].endswith(", plain 0.50, fine 0.50.")
    assert len(set(made.panel.faculty.digests.values())) == 2
    assert report.rows[1].seconds > report.rows[0].seconds
    # The held-out pairs had all been scored when the view came to them.
    assert report.rows[3].seconds is None


def test_teachers_and_what_was_fitted_have_their_folders(ensemble, output):
    assert sorted(path.name for path in (output / "teacher").iterdir()) == ["fine"]
    assert (output / "teacher" / "fine" / "model.safetensors").is_file()
    fit = json.loads((output / "view" / "fit.json").read_text())
    assert fit["weights"] == {"plain": 0.5, "fine": 0.5}
    assert set(fit["standards"]) == {"plain", "fine"}
    with (output / "view" / "contradictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert rows[0]["query"]
    assert {"logit_plain", "logit_fine", "why", "weight"} <= set(rows[0])


def test_contradictions_of_a_later_round_have_a_place_of_their_own(ensemble, output):
    made, _ = ensemble
    before = (output / "view" / "contradictions.csv").read_bytes()
    made.panel.lesson(made.candidates.pairs()[:2], output / "round_2")
    assert (output / "round_2" / "view" / "contradictions.csv").is_file()
    assert (output / "view" / "contradictions.csv").read_bytes() == before


def test_students_are_taught_scores_and_weights(ensemble):
    made, _ = ensemble
    pairs = made.candidates.pairs()
    lesson = made.panel.lesson(pairs)
    view = made.panel.scores(pairs)
    assert set(lesson.scores) < set(view)
    assert lesson.scores == {pair: view[pair] for pair in lesson.scores}
    assert lesson.weights.keys() == lesson.scores.keys()
    assert all(0 < weight < 1 for weight in lesson.weights.values())
    # The scale is that of the teacher it is like.
    plain = list(made.panel.scores(pairs, "plain").values())
    assert np.mean(list(view.values())) == pytest.approx(np.mean(plain), rel=1e-5)
    assert np.std(list(view.values())) == pytest.approx(np.std(plain), rel=1e-5)
    assert set(lesson.keep(made.candidates).pairs()) == set(lesson.scores)


def test_what_is_taught_is_trained_on(ensemble, settings, tmp_path, monkeypatch, output):
    seen = []
    monkeypatch.setattr(
        "menura.pipeline.student.train_colbert", lambda model, settings, examples, **_: seen.append(examples)
    )
    view = {**ENSEMBLE, "contradictions": {"labels": {"above": 1, "margin": 0, "weight": 0}}}
    made = pipeline(settings, output, **view)
    made.train("colbert")
    (examples,) = seen
    lesson = made.panel.lesson(made.candidates.pairs())
    texts = {text: query for query, text in made.collection.queries.items()}
    passages = {text: passage for passage, text in made.collection.corpus.items()}
    taught = lesson.keep(made.candidates).by_query()
    assert len(examples) == sum(bool(positives) for positives, _ in taught.values()) < 6
    for row in examples:
        pairs = [(texts[row["query"]], passages[row[f"passage_{n}"]]) for n in (1, 2, 3)]
        assert row["label"] == [[lesson.scores[pair] for pair in pairs], [lesson.weights[pair] for pair in pairs]]


def test_another_view_asks_no_teacher_again(ensemble, settings, output, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("done again")

    for name in ("menura.teachers.faculty.finetune", "menura.pipeline.pipeline.mine"):
        monkeypatch.setattr(name, refuse)
    monkeypatch.setattr(CrossEncoderTeacher, "score", refuse)
    made = pipeline(settings, output, **ENSEMBLE, combine={"quality": "ndcg"})
    lesson = made.panel.lesson(made.candidates.pairs())
    assert lesson.scores
    monkeypatch.setattr("menura.pipeline.student.train_colbert", refuse)
    with pytest.raises(AssertionError, match="done again"):
        made.train("colbert")


def test_a_route_asks_each_teacher_for_its_own_queries(settings, output, tmp_path, ensemble):
    made = pipeline(settings, output, **ROUTE)
    pairs = made.candidates.pairs()
    lesson = made.panel.lesson(pairs)
    alone = {name: made.panel.scores(pairs, name) for name in ("plain", "fine")}
    assert lesson.weights is None
    assert lesson.scores == {
        pair: alone["fine" if FIELDS["query.site"][pair[0]] == "even" else "plain"][pair] for pair in pairs
    }
    fresh = pipeline(settings, output, **ROUTE)
    fresh.answer_key = AnswerKey(tmp_path / "key")
    assert fresh.annotate().scored == len(pairs)
    even = sum(FIELDS["query.site"][query] == "even" for query, _ in pairs)
    assert {teacher.teacher: teacher.scores for teacher in overview(fresh.answer_key)} == {
        made.panel.faculty.digests["fine"]: even,
        made.panel.faculty.digests["plain"]: len(pairs) - even,
    }


def test_a_specialist_sees_its_own_queries_alone(settings, output, ensemble, monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(
        "menura.teachers.faculty.finetune", lambda model, settings, candidates, *_, **__: seen.update(candidates)
    )
    made = pipeline(settings, tmp_path, **ROUTE)
    with pytest.raises(MenuraError, match="cannot load"):
        made.panel.faculty.teacher("fine")
    assert sorted(seen) == ["q0", "q2", "q4"]
    fine = {**settings["teachers"]["fine"], "finetune": {"where": {"query.site": ["even", "oddd"]}}}
    made = pipeline({**settings, "teachers": {**settings["teachers"], "fine": fine}}, tmp_path, **ROUTE)
    with pytest.raises(MenuraError, match=r"fine is .* where query\.site is 'oddd'.*there are 'even', 'odd'"):
        made.panel.faculty.teacher("fine")


def test_one_teacher_in_the_place_of_several(settings, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump({**settings, "view": {"scale": "min_max"}}))
    with pytest.raises(MenuraError, match="--teacher takes the place of one teacher, and the recipe has several"):
        open_pipeline(str(path), tmp_path, None, "./other")


def test_a_lesson_keeps_what_it_has_scores_for():
    rows = [("q", "a", "positive"), ("q", "b", "bm25"), ("r", "a", "positive"), ("r", "b", "bm25")]
    candidates = Candidates.from_rows([{"query_id": q, "passage_id": p, "origin": o} for q, p, o in rows])
    kept = Lesson({("q", "a"): 1.0, ("r", "b"): 0.0}).keep(candidates)
    assert kept.by_query() == {"q": (["a"], []), "r": ([], ["b"])}
