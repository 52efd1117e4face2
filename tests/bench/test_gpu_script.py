"""`benchmarks/gpu.py` without a GPU: that it runs, not what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from menura.bench import results, tables

pytest.importorskip("triton")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


def run(*arguments: str) -> str:
    command = [sys.executable, str(SCRIPT), "--dry-run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_an_operator_is_checked():
    assert "pass  flops: parity, dense" in run("--check", "flops")


@pytest.mark.slow
def test_figures_are_written_and_not_taken_twice(tmp_path):
    path = tmp_path / "gpu.csv"
    arguments = "--no-checks", "--only", "maxsim_batch", "--output", str(path), "--commit", "c0ffee"
    assert "\nmaxsim_batch-3x4-5x9x16 bfloat16 " in run(*arguments)
    figures = results.read(path)
    ours = [figure for figure in figures if figure.provider == "menura"]
    batch = "maxsim_batch-3x4-5x9x16"
    assert [figure.workload for figure in ours] == [batch, f"{batch}-forward", f"{batch}-normalized"]
    assert all(figure.gb_per_s and figure.machine.gpu and figure.machine.commit == "c0ffee" for figure in ours)
    assert "torch, einsum and max" in tables.everything(figures)
    assert "maxsim_batch" not in run(*arguments, "--resume")
