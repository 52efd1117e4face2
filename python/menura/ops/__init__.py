"""Differentiable operators: MaxSim, the SPLADE head, sparse dot products, FLOPS."""

from menura.ops.flops import flops
from menura.ops.library import empty_cache
from menura.ops.maxsim import maxsim, maxsim_packed, maxsim_pairs
from menura.ops.native import available_isas, isa
from menura.ops.quantization import quantize
from menura.ops.search import search
from menura.ops.sparse_dot import sparse_dot
from menura.ops.splade_head import splade_head

__all__ = [
    "available_isas",
    "empty_cache",
    "flops",
    "isa",
    "maxsim",
    "maxsim_packed",
    "maxsim_pairs",
    "quantize",
    "search",
    "sparse_dot",
    "splade_head",
]
