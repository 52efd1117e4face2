"""`menura annotate` by several processes: torchrun's, and Ray's workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from menura.answer_key import AnswerKey
from tiny import tiny_beir, tiny_encoder

pytestmark = pytest.mark.slow


@pytest.fixture
def recipe(tmp_path):
    """A recipe whose teacher has yet to be fine-tuned."""
    content = {
        "name": "tiny",
        "collection": {"source": str(tiny_beir(tmp_path / "beir"))},
        "mining": {"miners": ["bm25"], "depth": 10, "negatives": 3},
        "teacher": {
            "model": tiny_encoder(tmp_path / "encoder"),
            "max_length": 64,
            "finetune": {"negatives": 2, "trainer": {"max_steps": 2, "batch_size": 2}},
        },
        "students": {},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def annotated(recipe, name, command, *options):
    """The scores, by pair and teacher, and the runs, of what `command` leaves in a folder of its own."""
    output = recipe.parent / name
    ended = subprocess.run(
        [sys.executable, "-m", *command, "annotate", str(recipe), "--output", str(output), *options],
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    key = AnswerKey(output / "answer_key")
    rows = key.scores.to_pyarrow_table().to_pylist()
    logits = {(row["teacher"], row["query_hash"], row["passage_hash"]): row["logit"] for row in rows}
    assert len(logits) == len(rows), "no pair was scored twice"
    return logits, key.runs().to_pylist()


def test_processes_of_torchrun_share_the_pairs(recipe):
    alone, _ = annotated(recipe, "alone", ["menura.cli"])
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "menura.cli"]
    together, runs = annotated(recipe, "together", torchrun)
    assert together == pytest.approx(alone, abs=1e-5)
    assert sorted(json.loads(run["details"])["share"] for run in runs) == ["1/2", "2/2"]


def test_workers_of_ray(recipe):
    pytest.importorskip("ray")
    alone, _ = annotated(recipe, "alone", ["menura.cli"])
    workers, (run,) = annotated(recipe, "workers", ["menura.cli"], "--engine", "ray", "--workers", "2")
    assert workers == pytest.approx(alone, abs=1e-5)
    assert json.loads(run["details"])["engine"] == "ray"
