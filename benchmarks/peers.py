"""MaxSim from the package registry, for `menura bench --with benchmarks/peers.py`."""

from __future__ import annotations

import importlib
import os
from functools import partial

import torch
from torch import Tensor

from menura.bench.provider import Provider, UnsupportedError
from menura.bench.ragged import split
from menura.bench.step import Step

# Beyond this, maxsim-cpu 0.1.0 for x86 answers wrongly or crashes the process.
LARGEST_QUERY = 4096


def bind(module: str, queries: Tensor, documents: Tensor, offsets: Tensor) -> Step:
    """`maxsim_scores_variable(query, documents)`, which both packages have: float32 arrays, no gradients."""
    # Read when the package first makes its threads.
    os.environ.setdefault("RAYON_NUM_THREADS", str(torch.get_num_threads()))
    score = importlib.import_module(module).maxsim_scores_variable
    if queries.dtype != torch.float32:
        raise UnsupportedError("takes float32 only")
    if queries.numel() > LARGEST_QUERY:
        raise UnsupportedError(f"takes queries of at most {LARGEST_QUERY} numbers")
    query, apart = queries[0].numpy(), [document.numpy() for document in split(documents, offsets)]
    return Step(lambda: torch.as_tensor(score(query, apart))[None])


PROVIDERS = [
    Provider("maxsim-cpu", "maxsim_score", partial(bind, "maxsim_cpu"), "maxsim-cpu"),
    Provider("fast-maxsim", "maxsim_score", partial(bind, "fast_maxsim"), "fast-maxsim"),
]
