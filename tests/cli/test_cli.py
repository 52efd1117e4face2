"""The command line: what a user can mend is one line on standard error, and exit code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from menura.answer_key import AnswerKey
from tiny import tiny_beir, tiny_cross_encoder, tiny_encoder


@pytest.fixture
def recipe(tmp_path):
    """The path of a recipe that needs no training, and what stands in it."""
    content = {
        "name": "tiny",
        "collection": {"source": str(tiny_beir(tmp_path / "beir"))},
        "mining": {"miners": ["bm25"], "depth": 10, "negatives": 3},
        "teacher": {"model": tiny_cross_encoder(tmp_path / "teacher"), "max_length": 64},
        "students": {"colbert": {"model": tiny_encoder(tmp_path / "encoder"), "dimension": 16}},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def refusal(outcome):
    """The one line of an error that a user can mend."""
    code, _, err = outcome
    assert code == 2
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert err.rstrip().endswith(lines[0])
    return lines[0]


def rewrite(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_help_lists_the_commands(run):
    code, out, _ = run("--help")
    assert code == 0
    commands = ("demo", "recipes", "run", "mine", "annotate", "train", "evaluate", "compare", "doctor")
    assert all(command in out for command in commands)


def test_doctor_says_what_is_here(run):
    code, out, _ = run("doctor")
    assert code == 0
    assert all(subject in out for subject in ("menura", "instruction set", "threads", "torch", "triton", "gpu", "bf16"))


def test_doctor_prints_what_was_found_as_it_is(run, monkeypatch):
    monkeypatch.setattr("menura.doctor.findings", lambda: [("demo weights", "missing: pip install 'menura[demo]'")])
    assert "pip install 'menura[demo]'" in run("doctor")[1]


def test_mine_then_annotate_and_annotate_again(run, recipe, tmp_path):
    assert run("mine", recipe, "-o", "out")[0] == 0
    assert (tmp_path / "out" / "candidates" / "candidates.parquet").is_file()
    _, _, first = run("annotate", recipe, "-o", "out")
    assert "24 pairs: 0 known, 24 scored" in first
    _, _, second = run("annotate", recipe, "-o", "out")
    assert "24 pairs: 24 known, 0 scored" in second


def test_the_output_folder_is_named_after_the_recipe(run, recipe, tmp_path):
    run("mine", recipe)
    assert (tmp_path / "runs" / "tiny" / "candidates").is_dir()


def test_collection_and_teacher_can_be_replaced(run, recipe, tmp_path):
    other = tiny_beir(tmp_path / "other", passages=50, queries=20)
    teacher = tiny_cross_encoder(tmp_path / "other_teacher")
    code, _, err = run("annotate", recipe, "--collection", other, "--teacher", teacher)
    assert code == 0
    assert "50 passages of other" in err
    assert "other_teacher, fingerprint" in " ".join(err.split())


def test_a_function_as_teacher(run, recipe, tmp_path, monkeypatch):
    (tmp_path / "my_teacher.py").write_text(
        "def score(pairs):\n    return [len(passage) for _, passage in pairs]\ndef fail(pairs):\n    return 1 / 0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    content = yaml.safe_load(recipe.read_text())
    for function in ("score", "fail"):
        content["teacher"] = {"function": {"name": f"my_teacher:{function}", "version": 1}}
        recipe.write_text(yaml.safe_dump(content))
        outcome = run("annotate", recipe)
        if function == "score":
            assert outcome[0] == 0
            assert "my_teacher:score, fingerprint" in outcome[2]
        else:
            assert "the function my_teacher:fail failed on" in refusal(outcome)


def test_other_libraries_keep_quiet(run, recipe):
    _, out, err = run("annotate", recipe)
    assert out == ""
    assert "Building index" not in err
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    assert [line for line in lines if not line.startswith(("✓", "Asking the teacher"))] == []


def test_an_empty_corpus(run, recipe, tmp_path):
    (tmp_path / "beir" / "corpus.jsonl").write_text("")
    assert "the corpus is empty" in refusal(run("mine", recipe))


def test_a_missing_id(run, recipe, tmp_path):
    rewrite(tmp_path / "beir" / "qrels" / "train.tsv", "q0\tp0", "q0\tp999")
    assert "name passage 'p999', which is not in the collection" in refusal(run("mine", recipe))


def test_ids_of_another_type(run, recipe, tmp_path):
    rewrite(tmp_path / "beir" / "corpus.jsonl", '"_id": "p0"', '"_id": 0')
    message = refusal(run("mine", recipe))
    assert "corpus.jsonl:1: ids must be strings; got 0 (int)" in message


def test_a_collection_folder_that_is_not_there(run, recipe, tmp_path):
    message = refusal(run("mine", recipe, "--collection", tmp_path / "nowhere"))
    assert f"no BEIR folder at {tmp_path / 'nowhere'}" in message


@pytest.mark.parametrize("command", ["mine", "annotate"])
def test_an_output_folder_that_cannot_be_written(run, recipe, tmp_path, command):
    (tmp_path / "file").write_text("")
    assert f"cannot write {tmp_path / 'file' / 'out'}" in refusal(run(command, recipe, "-o", tmp_path / "file" / "out"))


def test_a_misspelt_recipe_key(run, recipe):
    recipe.write_text(recipe.read_text() + "sead: 1\n")
    message = refusal(run("mine", recipe))
    assert f"{recipe}:{len(recipe.read_text().splitlines())}: unknown key 'sead'; known here: name, seed" in message


def test_a_single_value_can_be_replaced(run, recipe):
    assert "24 pairs: 0 known, 24 scored" in run("annotate", recipe, "-o", "first")[2]
    outcome = run("annotate", recipe, "-o", "second", "--set", "mining.negatives=1", "--set", "teacher.max_length=32")
    assert "12 pairs: 0 known, 12 scored" in outcome[2]
    assert "--set mining.negatives: mining.negatives = 0: Input should be greater" in refusal(
        run("mine", recipe, "--set", "mining.negatives=0")
    )


def test_the_shipped_recipes_are_listed(run):
    code, out, _ = run("recipes")
    assert code == 0
    assert "demo" in out
    assert "teaching each other" in " ".join(out.split())


def test_run_does_everything_and_says_how_to_go_on(run, recipe, tmp_path):
    trainer = ("--set", "students.colbert.trainer.max_steps=1", "--set", "evaluation.rerank_depth=5")
    code, out, _ = run("run", recipe, "-o", "out", *trainer)
    assert code == 0
    files = ("report.md", "report_queries.csv", "teacher_card.html", "colbert/model.safetensors")
    assert all((tmp_path / "out" / file).is_file() for file in files)
    assert all(file in out for file in files[:3])
    lines = out.splitlines()
    start = lines.index("from sentence_transformers import MultiVectorEncoder")
    namespace = {}
    exec("\n".join(lines[start:]), namespace)
    assert namespace["colbert"].encode_query(["read a file"])[0].shape[1] == 16
    assert run("evaluate", recipe, "-o", "narrow", *trainer, "--set", "students.colbert.dimension=1")[0] == 0
    code, out, _ = run("compare", "out", "narrow", "-o", "compared")
    assert code == 0
    assert "corrected for 2 comparisons" in " ".join(out.split())
    assert "| ColBERT distilled | narrow |" in (tmp_path / "compared" / "comparison.md").read_text()
    assert "give two or more outputs; got 1." in refusal(run("compare", "out"))


def test_a_missing_recipe(run):
    assert "'dmo' is neither a file nor a shipped recipe; shipped are: constant_margin, demo" in refusal(
        run("mine", "dmo")
    )
    assert "cannot read no.yaml: No such file or directory" in refusal(run("mine", "no.yaml"))


def test_a_teacher_that_is_not_there(run, recipe):
    assert "cannot load the cross-encoder './nowhere'" in refusal(run("annotate", recipe, "--teacher", "./nowhere"))


def test_an_unknown_student(run, recipe):
    known = "a student is colbert or splade, or the mentor of one, as colbert_mentor"
    for name in ("bert", "_mentor", "colbert_mentors", "bert_mentor"):
        assert f"{known}; got '{name}'." in refusal(run("train", recipe, "--student", name))


def test_a_student_the_recipe_lacks(run, recipe):
    assert "no students.splade; it has: colbert" in refusal(run("train", recipe, "--student", "splade"))
    assert "no students.splade; it has: colbert" in refusal(run("train", recipe, "--student", "splade_mentor"))
    message = refusal(run("train", recipe, "--student", "colbert_mentor"))
    assert "trains no mentor that could be colbert_mentor; add students.colbert.mentor.student." in message


def test_a_mentor_alone(run, recipe, tmp_path):
    content = yaml.safe_load(recipe.read_text())
    colbert = {**content["students"]["colbert"], "trainer": {"max_steps": 1}}
    content["students"] = {"colbert": {"dimension": 8, "mentor": {"student": colbert, "token_embeddings": {}}}}
    recipe.write_text(yaml.safe_dump(content))
    code, _, err = run("train", recipe, "--student", "colbert_mentor", "-o", "out")
    assert code == 0
    assert "train colbert_mentor: ColBERT student in out/colbert_mentor" in " ".join(err.split())
    assert (tmp_path / "out" / "colbert_mentor" / "model.safetensors").is_file()
    assert not (tmp_path / "out" / "colbert").exists()


def test_an_interruption_says_that_nothing_is_lost(run, recipe, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("menura.cli.distil.open_pipeline", interrupt)
    code, _, err = run("mine", recipe)
    assert code == 130
    assert "what was scored and saved is kept" in err
    assert "Traceback" not in err


def test_formats_are_listed(run):
    code, out, _ = run("formats")
    assert code == 0
    assert all(name in out for name in ("lighton", "sbert-columns", "score-map", "trec-run"))


def test_scores_go_out_and_come_in_again(run, recipe, tmp_path):
    assert run("mine", recipe, "-o", "out")[0] == 0
    code, _, err = run("export", recipe, "trec-run", "scores/run.txt.gz", "-o", "out")
    assert code == 0
    assert "export: 6 of 6 queries in scores/run.txt.gz" in " ".join(err.split())
    options = ("--key", "out/answer_key", "--teacher", "exported", "--collection", tmp_path / "beir")
    code, out, err = run("import", "trec-run", "scores/run.txt.gz", *options)
    assert (code, out) == (0, "")
    assert "24 pairs: 0 known, 24 added as teacher" in err
    assert "24 pairs: 24 known, 0 added" in run("import", "trec-run", "scores/run.txt.gz", *options)[2]
    assert len(AnswerKey(tmp_path / "out" / "answer_key").teachers()) == 2


def test_so_many_negatives_are_exported(run, recipe, tmp_path):
    assert run("export", recipe, "sbert-columns", "train.jsonl", "--negatives", "2")[0] == 0
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert len(rows) == 6
    assert list(rows[0]) == ["query", "positive", "negative_1", "negative_2", "scores"]


def test_what_cannot_be_exported(run, recipe):
    assert "there is no format 'csv'; there are: lighton, " in refusal(run("export", recipe, "csv", "a.csv"))
    assert "ids must be whole numbers in this format, and 'p" in refusal(run("export", recipe, "colbert", "a.jsonl"))


def test_what_cannot_be_imported(run, recipe, tmp_path):
    (tmp_path / "margins.tsv").write_text("q0\tp0\tp1\t0.5\n")
    options = ("--key", "key", "--teacher", "gpl", "--collection", tmp_path / "beir")
    assert "margins.tsv:1: a margin is the difference" in refusal(run("import", "gpl", "margins.tsv", *options))
    assert "no.tsv is missing" in refusal(run("import", "gpl", "no.tsv", *options))
    assert "say of which collection" in refusal(run("import", "gpl", "margins.tsv", *options[:4]))


@pytest.mark.parametrize("missing", ["typer", "rich", "sentence_transformers", "datasets", "deltalake"])
def test_a_missing_extra_names_the_command_that_installs_it(recipe, missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"sys.argv = ['menura', 'annotate', {str(recipe)!r}]\n"
        "from menura.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert ended.returncode == 2
    assert f"{missing} is not installed; run: pip install 'menura[train]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_and_doctor_load_no_training_library():
    heavy = ["sentence_transformers", "transformers", "datasets", "deltalake", "duckdb", "bm25s", "pyarrow"]
    code = (
        "import sys, json; from menura import cli; from menura.doctor import findings; findings();"
        f"print(json.dumps([name for name in {heavy} if name in sys.modules]))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == []
