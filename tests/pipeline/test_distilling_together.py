"""Whole recipes under torchrun: two processes do once what is done once, and train as one with twice the batch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest
import yaml
from safetensors.torch import load_file

from menura.answer_key import AnswerKey
from tiny import tiny_beir, tiny_encoder, tiny_masked_lm

pytestmark = pytest.mark.slow

TOGETHER = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "menura.cli"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_beir(folder / "beir", queries=24)
    tiny_encoder(folder / "encoder")
    tiny_masked_lm(folder / "lm")
    return folder


def trainer(batch_size):
    return {"max_steps": 4, "batch_size": batch_size, "learning_rate": 1e-2}


def written(models, path, batch_size, **sections):
    """A recipe whose teacher and mentor have yet to be trained, and whose students train without chance."""
    colbert = {"model": str(models / "encoder"), "dimension": 16, "dropout": 0.0, "trainer": trainer(batch_size)}
    splade = {"model": str(models / "lm"), "dropout": 0.0, "trainer": trainer(batch_size)}
    content = {
        "name": "tiny",
        "collection": {"source": str(models / "beir")},
        "mining": {"miners": ["bm25"], "depth": 8, "negatives": 4, "filter": None},
        "teacher": {
            "model": str(models / "encoder"),
            "max_length": 64,
            "finetune": {"negatives": 2, "trainer": {"max_steps": 2, "batch_size": 2}},
        },
        "students": {"colbert": colbert, "splade": splade},
        "evaluation": {"rerank_depth": 5},
        **sections,
    }
    if "joint" not in sections:
        colbert["mentor"] = {"student": dict(colbert), "alignment": {}}
        splade["budget"] = {"documents": 30, "queries": 10}
    path.write_text(yaml.safe_dump(content))
    return path


def menura(command, recipe, output, *, launcher=("menura.cli",)):
    return subprocess.run(
        [sys.executable, "-m", *launcher, command, str(recipe), "--output", str(output)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "sections"),
    [
        ("run", {}),
        ("train", {"rounds": {"count": 2}, "joint": {}}),
        ("train", {"online": {"ahead": 1, "refresh": {"every": 1, "depth": 6}}, "joint": {}}),
    ],
    ids=["mentor", "joint, two rounds", "online, joint and mining"],
)
def test_two_processes_train_as_one_with_twice_the_batch(models, tmp_path, command, sections):
    alone = menura("train", written(models, tmp_path / "whole.yaml", 6, **sections), tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    halves = written(models, tmp_path / "halves.yaml", 3, **sections)
    together = menura(command, halves, tmp_path / "together", launcher=TOGETHER)
    assert together.returncode == 0, together.stderr
    weights = sorted(path.relative_to(tmp_path / "alone") for path in tmp_path.glob("alone/**/*.safetensors"))
    assert {str(path.parent) for path in weights} > {"teacher", "colbert", "splade"}
    for path in weights:
        expected, found = load_file(tmp_path / "alone" / path), load_file(tmp_path / "together" / path)
        for name, tensor in expected.items():
            if not name.endswith("key.bias"):  # whose gradient is rounding: a softmax does not see it
                assert (found[name] - tensor).abs().max() <= 2e-4 * tensor.abs().max() + 1e-6, f"{path} {name}"
    key = AnswerKey(tmp_path / "together" / "answer_key", create=False)
    scores = key.scores.to_pyarrow_table().to_pydict()
    asked = list(zip(scores["query_hash"], scores["passage_hash"], strict=True))
    assert len(asked) == len(set(asked)) > 0
    if "online" in sections:  # each process by a teacher of its own
        online = {row["run"] for row in key.runs().to_pylist() if row["details"] == '{"engine": "online"}'}
        counts = Counter(run for run in scores["run"] if run in online)
        assert len(counts) >= 2
        assert max(counts.values()) <= 0.7 * counts.total()
    # Of many, one process speaks.
    assert together.stderr.count("student in") == alone.stderr.count("student in") > 0
    assert together.stdout.count("report.md") == (command == "run")
    assert (tmp_path / "together" / "report.md").is_file() == (command == "run")


def test_what_the_first_process_cannot_do(models, tmp_path):
    recipe = written(models, tmp_path / "recipe.yaml", 3, mining={"miners": ["bm25"], "depth": 1, "negatives": 40})
    ended = menura("train", recipe, tmp_path / "out", launcher=TOGETHER)
    assert ended.returncode != 0
    assert "error: [" in ended.stderr
