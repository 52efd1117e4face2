"""The parts of `benchmarks/gpu.py`."""

import sys
from pathlib import Path

# The tolerance rule, and what stands in for a GPU, are those of the tests.
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "ops"))
