"""Nothing here reaches a network, no bar is drawn, and GPU kernels run in Triton's interpreter."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Looked at when Triton is imported, which other packages do.
os.environ["TRITON_INTERPRET"] = "1"
