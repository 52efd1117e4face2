"""Students taught by scores that somebody else has computed."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.answer_key import AnswerKey, find_imported, import_scores
from menura.answer_key.formats import Texts
from menura.pipeline import Pipeline, evaluate, teacher_cards
from menura.recipe import Recipe
from tiny import tiny_beir, tiny_cross_encoder, tiny_encoder

FORMAT = "sbert-negatives"


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A recipe whose teacher is asked, and what it said as a file."""
    folder = tmp_path_factory.mktemp("tiny")
    recipe = Recipe.model_validate(
        {
            "name": "asked",
            "collection": {"source": str(tiny_beir(folder / "beir"))},
            "mining": {"miners": ["bm25"], "depth": 10, "negatives": 3},
            "teacher": {"model": tiny_cross_encoder(folder / "teacher"), "max_length": 64},
            "students": {
                "colbert": {
                    "model": tiny_encoder(folder / "encoder"),
                    "dimension": 16,
                    "trainer": {"max_steps": 2, "batch_size": 4},
                }
            },
            "evaluation": {"rerank_depth": 10},
        }
    )
    pipeline = Pipeline(recipe, folder / "asked")
    pipeline.export(FORMAT, folder / "scores.jsonl")
    return recipe, pipeline, folder / "scores.jsonl"


@pytest.fixture(scope="module")
def imported(asked, tmp_path_factory):
    """The same recipe, taught from the file."""
    recipe, pipeline, path = asked
    output = tmp_path_factory.mktemp("imported")
    key = AnswerKey(output / "answer_key")
    texts = Texts(pipeline.collection.queries, pipeline.collection.corpus)
    import_scores(key, FORMAT, path, texts, teacher_name="somebody")
    content = recipe.model_dump(exclude_defaults=True)
    content["mining"]["training_list"] = {"format": FORMAT, "source": str(path)}
    return Pipeline(Recipe.model_validate({**content, "teacher": {"imported": "somebody"}}), output)


def test_students_are_taught_what_the_file_says(asked, imported):
    _, pipeline, _ = asked
    pairs = imported.candidates.pairs()
    assert sorted(pairs) == sorted(pipeline.candidates.pairs())
    expected = pipeline.panel.lesson(pairs).scores
    assert imported.panel.lesson(pairs).scores == pytest.approx(expected, abs=1e-5)


def test_the_report_has_no_row_for_whom_nobody_can_ask(imported):
    report = evaluate(imported)
    assert [row.system for row in report.rows] == ["BM25", "ColBERT start", "ColBERT distilled"]
    assert "Teacher on BM25 top 10: not measured, its scores were imported." in report.notes


def test_a_pair_that_was_not_imported(imported):
    pairs = [*imported.candidates.pairs(), ("q0", "p39"), ("q1", "p38")]
    with pytest.raises(MenuraError, match=r"the scores of somebody were imported, and .* has none"):
        imported.panel.annotate(pairs)
    with pytest.raises(MenuraError, match=r"\[report\] the scores of somebody were imported"):
        teacher_cards(imported)


def test_a_name_that_nobody_was_imported_under(imported):
    teacher = imported.recipe.teacher.model_copy(update={"imported": "nobody"})
    other = Pipeline(imported.recipe.model_copy(update={"teacher": teacher}), imported.output)
    with pytest.raises(MenuraError, match=r"no scores were imported into .* as 'nobody'; there: somebody"):
        other.annotate()


def test_a_name_that_two_files_were_imported_under(imported, asked, tmp_path):
    _, pipeline, path = asked
    lines = path.read_text().splitlines(keepends=True)
    (tmp_path / "fewer.jsonl").write_text("".join(lines[1:]))
    texts = Texts(pipeline.collection.queries, pipeline.collection.corpus)
    digest = import_scores(
        imported.answer_key, FORMAT, tmp_path / "fewer.jsonl", texts, teacher_name="somebody"
    ).teacher
    with pytest.raises(MenuraError, match="2 files were imported as 'somebody'; name one by its digest"):
        find_imported(imported.answer_key, "somebody")
    assert find_imported(imported.answer_key, digest)[0] == digest
