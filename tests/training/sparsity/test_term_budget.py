"""Budgets of active terms, held by tiny students that are really trained."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import budgeted
import pytest
import torch
from budgeted import column, settings, train

import tiny
from menura import MenuraError
from stopping import stopped_at
from tiny import tiny_masked_lm

BUDGET = {"documents": 20, "queries": 12}


@pytest.fixture(scope="module")
def lm(tmp_path_factory):
    return tiny_masked_lm(tmp_path_factory.mktemp("models") / "lm")


def test_weights_rise_while_counts_are_above_their_targets(lm, tmp_path):
    _, history = train(settings(lm, steps=30, budget=BUDGET, trainer={"learning_rate": 6e-3}), tmp_path)
    for side in ("document", "query"):
        weights = column(history, f"{side}_flops_weight")
        assert weights[-1] > 5 * weights[0] > 0
    assert {"documents", "queries"} == {alarm.split()[0] for alarm in history[-1]["alarms"] if "budget" in alarm}


def test_a_start_below_the_budget_is_trained_without_a_penalty(lm, tmp_path):
    _, history = train(settings(lm, steps=6, budget={"documents": 190}), tmp_path)
    assert set(column(history, "document_flops_weight")) == {0.0}
    # The other side has no budget, and its penalty grows as ever.
    assert column(history, "query_flops_weight")[-1] == pytest.approx(1e-3)


def test_a_resumed_run_is_the_same_to_the_bit(lm, tmp_path):
    chosen = settings(lm, steps=14, batch_size=4, budget=BUDGET, trainer={"save_steps": 3})
    whole, uninterrupted = train(chosen, tmp_path / "whole")
    with stopped_at(9):
        train(chosen, tmp_path / "stopped")
    shutil.copytree(tmp_path / "stopped", tmp_path / "changed")
    resumed, history = train(chosen, tmp_path / "stopped")
    for name in ("document_flops_weight", "query_flops_weight", "document_terms"):
        assert len(set(column(history, name))) > 1
        assert column(history, name) == column(uninterrupted, name)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name
    # A new budget may be given on the way, but not to another side.
    with pytest.raises(MenuraError, match="written for budgets of other sides"):
        train(settings(lm, steps=14, batch_size=4, trainer={"save_steps": 3}), tmp_path / "changed")


@pytest.mark.slow
def test_two_processes_are_one_with_twice_the_batch(lm, tmp_path):
    chosen = settings(lm, steps=8, batch_size=16, budget=BUDGET)
    (tmp_path / "lm").symlink_to(lm)
    _, alone = train(chosen, tmp_path / "alone")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended = subprocess.run(
        [sys.executable, *torchrun, budgeted.__file__, str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(tiny.__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    first, second = (json.loads((tmp_path / f"history_{rank}.json").read_text()) for rank in (0, 1))
    for name in ("document_flops_weight", "query_flops_weight", "document_terms", "query_terms"):
        assert column(first, name) == column(second, name), "the processes have one control"
    # The unbiased estimator takes each process's batch for itself, so the gradients are equal on average only.
    assert column(first, "document_terms")[0] == pytest.approx(column(alone, "document_terms")[0])
    assert column(first, "document_flops_weight")[1] == pytest.approx(
        column(alone, "document_flops_weight")[1], rel=0.1
    )
    assert column(first, "document_terms") == pytest.approx(column(alone, "document_terms"), rel=0.1)
