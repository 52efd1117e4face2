"""The whole path on tiny models, twice; and the command line around it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from menura.pipeline import Pipeline
from menura.recipe import load_recipe
from menura.teachers import CrossEncoderTeacher
from tiny import tiny_beir, tiny_cross_encoder, tiny_encoder, tiny_masked_lm


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    encoder = tiny_encoder(folder / "encoder")
    trainer = {"max_steps": 4, "batch_size": 4, "logging_steps": 1}
    recipe = {
        "name": "tiny",
        "collection": {"source": str(tiny_beir(folder / "beir"))},
        "mining": {"dense_model": encoder, "negatives": 3, "depth": 10, "positive_ratio": 2.0},
        "teacher": {"model": encoder, "max_length": 64, "finetune": {"negatives": 2, "trainer": trainer}},
        "students": {
            "colbert": {"model": encoder, "dimension": 16, "trainer": trainer},
            "splade": {"model": tiny_masked_lm(folder / "lm"), "trainer": trainer},
        },
        "evaluation": {"rerank_depth": 5},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


@pytest.fixture(scope="module")
def output(recipe_file, tmp_path_factory):
    output = tmp_path_factory.mktemp("output")
    Pipeline(load_recipe(recipe_file), output).evaluate()
    return output


def test_the_whole_path(output):
    report = json.loads((output / "report.json").read_text())
    assert [row["system"] for row in report["rows"]] == [
        "BM25",
        "Teacher on BM25's top 5",
        "ColBERT start",
        "ColBERT distilled",
        "SPLADE start",
        "SPLADE distilled",
    ]
    assert report["queries"] == 6
    assert report["rows"][0]["nDCG@10"] > 0.9, "BM25 finds a query's own words"
    assert all(0 <= row["nDCG@10"] <= 1 for row in report["rows"])
    assert report["rows"][5]["document_terms"] > 0
    assert "terms a document" in report["notes"][0]
    assert {path.name for path in output.iterdir()} >= {"candidates", "teacher", "answer_key", "colbert", "splade"}


def test_a_second_run_asks_and_trains_nothing(recipe_file, output, monkeypatch):
    def fail(*arguments, **options):
        raise AssertionError("done before")

    first = json.loads((output / "report.json").read_text())
    for name in ("mine", "finetune", "train_colbert", "train_splade"):
        monkeypatch.setattr(f"menura.pipeline.{name}", fail)
    monkeypatch.setattr(CrossEncoderTeacher, "score", fail)
    second = Pipeline(load_recipe(recipe_file), output).evaluate()
    for before, after in zip(first["rows"], second.records(), strict=True):
        assert before["nDCG@10"] == after["nDCG@10"]


def test_a_changed_section_redoes_only_what_depends_on_it(recipe_file, output, monkeypatch):
    recipe = load_recipe(recipe_file)
    colbert = recipe.students.colbert.model_copy(update={"pairs": "all"})
    students = recipe.students.model_copy(update={"colbert": colbert})
    redone = []
    for name in ("mine", "finetune", "train_colbert", "train_splade"):
        original = getattr(sys.modules["menura.pipeline"], name)
        monkeypatch.setattr(
            f"menura.pipeline.{name}", lambda *a, _n=name, _f=original, **o: redone.append(_n) or _f(*a, **o)
        )
    pipeline = Pipeline(recipe.model_copy(update={"students": students}), output)
    pipeline.train("splade")
    pipeline.train("colbert")
    assert redone == ["train_colbert"]


def menura(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "menura.cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def assert_one_line(result, message):
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert result.stderr.splitlines()[-1] == errors[0]


def test_annotate_and_train_from_the_command_line(recipe_file, output):
    result = menura("annotate", recipe_file, "--output", output)
    assert result.returncode == 0, result.stderr
    assert "0 scored" in result.stderr
    result = menura("train", recipe_file, "--student", "splade", "--output", output)
    assert result.returncode == 0, result.stderr


def test_a_finished_teacher_in_place_of_the_recipes(recipe_file, tmp_path):
    teacher = tiny_cross_encoder(tmp_path / "teacher")
    result = menura("annotate", recipe_file, "--teacher", teacher, "--output", tmp_path / "output")
    assert result.returncode == 0, result.stderr
    assert "24 pairs: 0 known, 24 scored" in result.stderr
    assert not (tmp_path / "output" / "teacher").exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("corpus.jsonl", "", "the corpus is empty"),
        ("qrels/train.tsv", "query-id\tcorpus-id\tscore\nq0\tnowhere\t1\n", "name passage 'nowhere'"),
        ("queries.jsonl", '{"_id": 0, "text": "zero"}\n', "ids must be strings; got 0 (int)"),
    ],
)
def test_bad_collections(recipe_file, tmp_path, file, content, message):
    folder = tiny_beir(tmp_path / "beir")
    (folder / file).write_text(content)
    assert_one_line(menura("mine", recipe_file, "--collection", folder, "-o", tmp_path / "output"), message)


def test_other_mistakes(recipe_file, tmp_path):
    misspelt = tmp_path / "misspelt.yaml"
    misspelt.write_text(recipe_file.read_text().replace("negatives:", "negative:", 1))
    assert_one_line(menura("mine", misspelt), "misspelt.yaml:")
    assert_one_line(menura("mine", "no-such-recipe"), "neither a file nor a shipped recipe")
    assert_one_line(menura("mine", recipe_file, "--collection", tmp_path / "nowhere"), "there is no BEIR folder")
    assert_one_line(
        menura("train", recipe_file, "--student", "dense", "-o", tmp_path), "a student is colbert or splade"
    )
    (tmp_path / "file").write_text("in the way")
    assert_one_line(menura("mine", recipe_file, "-o", tmp_path / "file" / "output"), "cannot write")
    assert_one_line(
        menura("annotate", recipe_file, "--teacher", tmp_path / "nowhere", "-o", tmp_path / "o"), "cannot load"
    )


def test_doctor():
    result = menura("doctor")
    assert result.returncode == 0
    for subject in ("instruction set in use", "threads", "torch", "triton", "gpu", "demo weights"):
        assert subject in result.stdout
