"""Every GPU kernel compiles for every target, within a committed budget of registers, spills and shared memory."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

triton = pytest.importorskip("triton")

# All targets are compiled at once, beside whatever else runs.
pytestmark = pytest.mark.timeout(1800)

HERE = Path(__file__).parent
TARGETS = ("sm_80", "sm_90", "sm_100", "gfx942")
# Bytes of shared memory that a program may have.
SHARED = {"sm_80": 163 << 10, "sm_90": 227 << 10, "sm_100": 227 << 10, "gfx942": 64 << 10}
BUDGET = HERE / "gpu_budget.csv"
COMMAND = [sys.executable, "-W", "ignore", HERE / "gpu_compilation.py"]


def compiling_environment():
    """Without the interpreter, which the other tests ask for."""
    return {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}


@pytest.fixture(scope="module")
def compiling(tmp_path_factory):
    """Compilations for all targets, begun together: a test waits for its own."""
    environment = {**compiling_environment(), "TRITON_CACHE_DIR": str(tmp_path_factory.mktemp("compiled"))}
    processes = {
        target: subprocess.Popen(
            [*COMMAND, target], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for target in TARGETS
    }
    yield processes
    for process in processes.values():
        process.kill()


@pytest.mark.parametrize("target", TARGETS)
def test_kernels_keep_to_their_budget(compiling, target):
    output, errors = compiling[target].communicate()
    assert compiling[target].returncode == 0, errors
    report = json.loads(output)
    assert all(row["shared"] <= SHARED[target] for row in report), report
    with BUDGET.open(newline="") as file:
        budget = [row for row in csv.DictReader(file) if row["target"] == target]
    if budget[0]["triton"] != triton.__version__:
        return  # another compiler needs other numbers
    allowed = {subject(row): {name: int(row[name]) for name in ("registers", "spilled", "shared")} for row in budget}
    assert {subject(row) for row in report} == set(allowed)
    for row in report:
        limits = allowed[subject(row)]
        assert all(row[name] <= limit for name, limit in limits.items()), (row, limits)


def subject(row):
    return row["work"], row["kernel"], row["dtype"]


def test_lengths_and_batch_sizes_cause_few_compilations():
    output = subprocess.check_output([*COMMAND, "sm_90", "--sweep"], env=compiling_environment(), text=True)
    assert json.loads(output) == {
        # four lengths of queries; alone or several together; argmax of one byte or two
        "maxsim_forward": 14,
        # one document or several; argmax of one byte or two
        "maxsim_query_gradient": 4,
        "maxsim_document_gradient": 2,
        # three widths of a tile; rows of the other side one, a multiple of 16 or not; which side streams
        "sparse_products": 17,
        # three widths; stored entries of a row few or many; the other side dense or in postings
        "stored_gradient": 12,
        "merge_repeated": 1,
        "flops_of_columns": 1,
        "flops_of_postings": 1,
        "flops_gradient": 1,
        # as many texts together as fit a tile; argmax of one byte or two
        "splade_head_forward": 12,
        "splade_head_weight_gradient": 2,
        "splade_head_lists": 4,
        "splade_head_hidden_gradient": 4,
    }


def test_every_kernel_has_block_shapes_for_every_architecture():
    from menura.kernels.tuning import TABLE

    for kernel, shapes in TABLE.items():
        assert {"sm_80", "interpreted"} <= set(shapes), kernel
