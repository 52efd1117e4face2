"""What a figure depends on beside the code that was timed: commit, versions, CPU, allocator."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

import menura
from menura.ops import isa

__all__ = ["FORCED", "Machine", "installed", "this_machine"]

# Marks an instruction set that is not the widest by itself.
FORCED = "forced"
# What decides on speed; the rest of the tree may differ from the commit.
SOURCES = ("csrc", "kernels", "python", "CMakeLists.txt")


@dataclass(frozen=True)
class Machine:
    """Where and with what a figure was measured; `isa` names what the kernels were compiled for, also on a GPU."""

    commit: str
    menura: str
    torch: str
    sentence_transformers: str
    cpu: str
    isa: str
    allocator: str
    date: str
    gpu: str = ""
    driver: str = ""
    triton: str = ""


def this_machine() -> Machine:
    """This process and its CPU, now."""
    return Machine(
        commit=_commit(),
        menura=menura.__version__,
        torch=torch.__version__,
        sentence_transformers=installed("sentence-transformers"),
        cpu=_cpu(),
        isa=f"{isa()}, {FORCED}" if "MENURA_ISA" in os.environ else isa(),
        allocator=_allocator(),
        date=datetime.now(timezone.utc).date().isoformat(),
    )


def installed(package: str) -> str:
    """Its version, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """Of the checkout that this package lies in, with a mark where its sources differ; nothing outside of one."""
    folder = Path(menura.__file__).parent
    root = _git(folder, "rev-parse", "--show-toplevel")
    if not root or not (Path(root) / "python" / "menura").is_dir():
        return ""
    changed = _git(Path(root), "status", "--porcelain", "--", *SOURCES)
    return _git(folder, "rev-parse", "--short=12", "HEAD") + ("-dirty" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    try:
        run = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def _cpu() -> str:
    """Clouds hide the model's name, so its numbers are told as well."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    known = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    return f"{known.get('model name', platform.machine())} ({known.get('cpu family')}/{known.get('model')})"


def _allocator() -> str:
    """How the C library was told to keep memory: `default`, or the variables that say otherwise."""
    told = {name: value for name, value in os.environ.items() if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"}
    if "LD_PRELOAD" in os.environ:
        told["LD_PRELOAD"] = Path(os.environ["LD_PRELOAD"]).name
    return " ".join(f"{name}={value}" for name, value in sorted(told.items())) or "default"
