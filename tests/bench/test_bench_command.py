"""`menura bench`: figures in a CSV, a table on the terminal, one line and exit code 2 where the input is wrong."""

from __future__ import annotations

import sys

import pytest
import torch

from menura import cli
from menura.bench import peak as peak_module
from menura.bench import results, timing
from menura.bench.peak import peak

PEERS = """
import torch
from menura.bench.provider import Provider, UnsupportedError
from menura.bench.step import Step

def refuse(*inputs):
    raise UnsupportedError("not today")

PROVIDERS = [
    Provider("zero", "flops", lambda x: Step(lambda: x.sum() * 0, (x,)), "zero"),
    Provider("idle", "flops", refuse, "idle"),
]
"""


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    """Run `menura bench` here, on calls too short to be quoted: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(timing, "SHORTEST_SAMPLE", 1)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["menura", "bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


def refusal(outcome):
    code, _, err = outcome
    assert code == 2
    assert err.startswith("error: [bench] ")
    assert len(err.splitlines()) == 1
    return err


def test_quick_measures_the_chosen_workloads(bench, tmp_path):
    before = torch.get_num_threads()
    code, out, _ = bench("--quick", "--only", "flops", "--threads", 1, "--samples", 2)
    assert code == 0
    figures = results.read(tmp_path / "runs" / "bench.csv")
    assert [figure.provider for figure in figures] == ["menura", "torch", "sentence-transformers"]
    assert {(figure.workload, figure.threads) for figure in figures} == {("flops-4-500", 1)}
    assert all(figure.taken >= 2 for figure in figures)
    assert "flops, 4 x 500, 20 terms, float32" in out
    assert "Written to runs/bench.csv." in out
    assert torch.get_num_threads() == before


def test_a_second_run_keeps_the_other_figures(bench, tmp_path):
    for only in ("flops", "sparse_dot-", "flops"):
        assert bench("--quick", "--only", only, "--samples", 1)[0] == 0
    figures = results.read(tmp_path / "runs" / "bench.csv")
    assert len(figures) == 6


def test_providers_from_a_file(bench, tmp_path):
    (tmp_path / "peers.py").write_text(PEERS)
    code, out, _ = bench("--quick", "--only", "flops", "--samples", 1, "--with", "peers.py")
    assert code == 0
    assert "zero: wrong: its output is off by 1.0e+00" in out
    assert "idle: not today" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "bert"], "no workload's name begins with 'bert'"),
        (["--threads", "0"], "threads and samples must be at least 1; got 0 and 15."),
        (["--samples", "0"], "threads and samples must be at least 1"),
        (["--sweep"], "--sweep and --quick name different workloads"),
        (["--with", "nowhere.py"], "nowhere.py is no Python file"),
        (["--with", "empty.py"], "empty.py defines no list PROVIDERS"),
        (["--output", "empty.py/figures.csv"], "empty.py/figures.csv"),
        (["--output", "foreign.csv"], "foreign.csv is no table of benchmark figures"),
    ],
)
def test_wrong_input_is_one_line(bench, tmp_path, arguments, message):
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "foreign.csv").write_text("a,b\n1,2\n")
    assert message in refusal(bench("--quick", *arguments))


def test_the_peak_is_that_of_all_threads(monkeypatch):
    class Kernels:
        @staticmethod
        def burn_peak(kind, seconds):
            return {"fp32": 100.0, "bf16": 200.0}[kind]

    monkeypatch.setattr(peak_module, "kernels", Kernels)
    assert peak(torch.float32, 3) == 300
    assert peak(torch.bfloat16, 1) == 200
    assert peak(torch.float64, 1) is None


def test_a_build_that_burns_no_peak(monkeypatch):
    monkeypatch.setattr(peak_module, "kernels", None)
    assert peak(torch.float32, 1) is None
