"""The operators on a GPU: what allocates their outputs and launches the Triton kernels of `menura.kernels`.

One function for each operator of the library, of the same name and signature.
"""

from menura.ops.library.gpu.flops import flops, flops_backward
from menura.ops.library.gpu.maxsim import maxsim, maxsim_backward, maxsim_packed, maxsim_packed_backward
from menura.ops.library.gpu.sparse_dot import sparse_dot, sparse_dot_backward
from menura.ops.library.gpu.sparse_vectors import inspect_csr
from menura.ops.library.gpu.splade_head import splade_head, splade_head_backward, splade_head_csr

__all__ = [
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
