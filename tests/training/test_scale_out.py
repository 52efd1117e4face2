"""Two processes with half of the batch each, or one with a part of it at a time: the gradient of the whole batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import two_processes

from tiny import tiny_encoder, tiny_masked_lm


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_encoder(folder / "encoder")
    tiny_masked_lm(folder / "lm")
    return folder


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    largest = max(gradient.abs().max() for gradient in expected.values())
    for name, gradient in expected.items():
        assert (found[name] - gradient).abs().max() <= 3e-5 * largest, name


@pytest.mark.slow
def test_two_processes_give_the_gradient_of_one(models):
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
            *(two_processes.__file__, str(models)),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    first, second = (torch.load(models / f"gradients_{rank}.pt") for rank in (0, 1))
    for student, size in two_processes.CASES:
        expected = two_processes.gradients(models, student, None, batch_size=two_processes.ROWS, again=size is None)
        assert "objectives.2.log_scale" in expected
        for found in (first, second):
            assert_same(found[f"{student} {size}"], expected)


@pytest.mark.parametrize("student", ["colbert", "splade"])
def test_micro_batches_are_refused_where_a_batch_is_one(models, student):
    with pytest.raises(ValueError, match="in-batch scores need a whole batch, and gradient_accumulation_steps"):
        two_processes.gradients(models, student, None, batch_size=8, gradient_accumulation_steps=2)
