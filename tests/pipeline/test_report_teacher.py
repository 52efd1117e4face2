"""The teacher's report card of a recipe: who is on it, what it asks for, and what it leaves alone."""

from __future__ import annotations

import json
import math
import sys

import pytest
import yaml

from menura import MenuraError, cli
from menura.evaluation.report_card.page import page
from menura.pipeline import Pipeline, teacher_cards
from menura.recipe import Recipe
from menura.teachers import CrossEncoderTeacher
from tiny import tiny_beir, tiny_cross_encoder, tiny_encoder, tiny_masked_lm

TRAINER = {"max_steps": 1, "batch_size": 4}


@pytest.fixture
def settings(tmp_path):
    return {
        "name": "tiny",
        "collection": {"source": str(tiny_beir(tmp_path / "beir"))},
        "mining": {"miners": ["bm25"], "depth": 10, "negatives": 3},
        "teacher": {"model": tiny_cross_encoder(tmp_path / "teacher"), "max_length": 64},
        "students": {
            "colbert": {"model": tiny_encoder(tmp_path / "encoder"), "dimension": 16, "trainer": TRAINER},
            "splade": {"model": tiny_masked_lm(tmp_path / "lm"), "trainer": TRAINER},
        },
        "evaluation": {"rerank_depth": 5},
    }


@pytest.fixture
def pipeline(settings, tmp_path):
    return Pipeline(Recipe.model_validate(settings), tmp_path / "out")


def systems(card):
    return [row.system for row in card.quality]


def card_of(pipeline):
    """That of the one teacher."""
    (card,) = teacher_cards(pipeline).values()
    return card


def test_candidates_are_bm25s_best_and_the_relevant_passages(pipeline, settings):
    card = card_of(pipeline)
    assert systems(card) == [settings["teacher"]["model"], "BM25"]
    assert card.sample.queries == card.sample.relevant == 6
    assert 6 * 5 <= card.sample.pairs <= 6 * 6
    assert card.fingerprint == next(iter(pipeline.panel.faculty.digests.values()))
    assert not (pipeline.output / "colbert").exists()


def test_nothing_is_asked_twice(pipeline, settings, monkeypatch):
    first = card_of(pipeline)
    written = (pipeline.output / "teacher_card.html").read_text(encoding="utf-8")
    monkeypatch.setattr(CrossEncoderTeacher, "score", lambda *_: pytest.fail("asked again"))
    again = card_of(Pipeline(pipeline.recipe, pipeline.output))
    assert again == first
    assert (pipeline.output / "teacher_card.html").read_text(encoding="utf-8") == written == page(first)


def test_trained_students_and_other_teachers_join(pipeline, settings, tmp_path):
    card_of(pipeline)
    for student in pipeline.students():
        pipeline.train(student)
    assert systems(card_of(pipeline))[2:] == ["ColBERT student", "SPLADE student"]
    # A student of another teacher is not this one's.
    other = pipeline.recipe.teacher.model_copy(update={"max_length": 48})
    digest = next(iter(pipeline.panel.faculty.digests.values()))
    card = card_of(Pipeline(pipeline.recipe.model_copy(update={"teacher": other}), pipeline.output))
    assert systems(card)[2:] == [f"{other.model} ({digest})"]
    assert [row.system for row in card.agreement] == ["BM25", f"{other.model} ({digest})"]


def test_a_relevant_passage_that_is_blank_is_not_asked_for(pipeline, settings, tmp_path):
    corpus = tmp_path / "beir" / "corpus.jsonl"
    rows = [json.loads(line) for line in corpus.read_text().splitlines()]
    for row in rows:
        if row["_id"] == "p6":
            row["text"] = ""
    corpus.write_text("\n".join(map(json.dumps, rows)))
    card = card_of(pipeline)
    assert (card.sample.queries, card.sample.left_out) == (5, 1)


def test_the_command(settings, tmp_path, monkeypatch, capsys):
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "argv", ["menura", "report", "teacher", "recipe.yaml", "-o", "out"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = " ".join(capsys.readouterr().out.split())
    assert not ended.value.code
    assert "On 6 judged queries" in said
    assert "Written to out/teacher_card.html and .json." in said
    figures = json.loads((tmp_path / "out" / "teacher_card.json").read_text())
    assert figures["verdict"]["answer"] in said
    assert math.isfinite(figures["quality"][0]["figures"]["nDCG@10"]["value"])


def test_a_split_that_is_not_there(pipeline):
    evaluation = pipeline.recipe.evaluation.model_copy(update={"split": "dev"})
    other = Pipeline(pipeline.recipe.model_copy(update={"evaluation": evaluation}), pipeline.output)
    with pytest.raises(MenuraError, match=r"has no split 'dev'; it has: test, train"):
        teacher_cards(other)
