"""The operators as PyTorch knows them: schemas, CPU kernels, and output shapes for tracing.

These raw operators carry no autograd and check little; the functions of the room above do both. Each forward has a
flag for what only its backward needs. A gradient that is not asked for comes back empty.
"""

from menura.ops.library.flops import ESTIMATORS, flops, flops_backward
from menura.ops.library.maxsim import check_packed, maxsim, maxsim_backward, maxsim_packed, maxsim_packed_backward
from menura.ops.library.memory import empty_cache
from menura.ops.library.sparse_dot import sparse_dot, sparse_dot_backward
from menura.ops.library.sparse_vectors import inspect_csr
from menura.ops.library.splade_head import ACTIVATIONS, POOLINGS, splade_head, splade_head_backward, splade_head_csr

__all__ = [
    "ACTIVATIONS",
    "ESTIMATORS",
    "POOLINGS",
    "check_packed",
    "empty_cache",
    "flops",
    "flops_backward",
    "inspect_csr",
    "maxsim",
    "maxsim_backward",
    "maxsim_packed",
    "maxsim_packed_backward",
    "sparse_dot",
    "sparse_dot_backward",
    "splade_head",
    "splade_head_backward",
    "splade_head_csr",
]
