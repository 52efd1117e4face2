"""Compressed rows for providers that take them."""

from __future__ import annotations

import warnings

from torch import Tensor

__all__ = ["compressed"]


def compressed(tensor: Tensor) -> Tensor:
    """Dense `[B,V]` -> the same in CSR, a leaf of its own that requires a gradient."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
        return tensor.detach().to_sparse_csr().requires_grad_()
