"""Nothing here reaches a network, no bar is drawn, and GPU kernels run in Triton's interpreter."""

from __future__ import annotations

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores
    os.environ["OMP_NUM_THREADS"] = "1"
# Looked at when Triton is imported, which other packages do.
os.environ["TRITON_INTERPRET"] = "1"

import pytest


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run `menura` in this process: exit code, standard output, standard error."""
    from menura import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def menura(*arguments):
        monkeypatch.setattr(sys, "argv", ["menura", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return menura
