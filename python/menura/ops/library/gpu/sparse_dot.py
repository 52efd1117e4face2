"""Sparse dot products on a GPU: which side streams past which, and the launches.

Two dense matrices go to torch's product. A CSR matrix streams past the other side, spread out if it is CSR, too: of
two CSR matrices that of fewer rows. The bitmaps that the CPU's backward reads stay unwritten.
"""

from __future__ import annotations

import torch
from torch import Tensor

from menura.kernels.launching import block, launch
from menura.kernels.sparse_dot import paired_products, sparse_products, stored_gradient
from menura.kernels.tuning import Tuning, tuning
from menura.ops.library.calling import as_rows
from menura.ops.library.gpu.sparse_vectors import Vectors, vectors
from menura.ops.library.memory import grad_like
from menura.ops.library.sparse_dot import sparse_dot_outputs

__all__ = ["sparse_dot", "sparse_dot_backward"]


def sparse_dot(
    queries: Tensor,
    query_crow: Tensor | None,
    query_col: Tensor | None,
    documents: Tensor,
    document_crow: Tensor | None,
    document_col: Tensor | None,
    vocabulary: int,
    pairwise: bool,
    save_bitmaps: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    outputs = sparse_dot_outputs(queries, query_crow, documents, document_crow, pairwise, save_bitmaps)
    query = vectors(queries, query_crow, query_col, vocabulary)
    document = vectors(documents, document_crow, document_col, vocabulary)
    query_streams = document.crow is None or (query.crow is not None and query.rows > document.rows)
    streamed, other = (query, document) if query_streams else (document, query)
    if pairwise:
        _paired_scores(streamed, other, outputs[0])
    elif streamed.crow is None:
        torch.mm(query.values, document.values.T, out=outputs[0])
    else:
        _scores(streamed, other, outputs[0] if query_streams else outputs[0].T)
    return outputs


def _scores(streamed: Vectors, other: Vectors, scores: Tensor) -> None:
    """`scores [streamed rows, other rows]`, of any strides."""
    sizes = tuning("sparse_products", scores.dtype)
    _products(streamed.values, streamed.col, streamed.crow, other.dense_columns(), scores, sizes)


def _products(
    values: Tensor, index: Tensor | None, starts: Tensor | None, dense: Tensor, products: Tensor, sizes: Tuning
) -> None:
    """The sparse matrix `[rows,*]` of these entries times `dense [*,columns]`."""
    rows, columns = products.shape
    width = block(columns, 32, sizes.columns)
    launch(
        sparse_products,
        (-(-rows // sizes.rows), -(-columns // width)),
        products.device,
        values,
        index,
        starts,
        dense,
        _not_finite(dense, 0),
        products,
        *products.stride(),
        rows,
        columns,
        ROWS=sizes.rows,
        COLUMNS=width,
        ENTRIES=sizes.depth,
        **sizes.options,
    )


def _not_finite(dense: Tensor, dim: int) -> Tensor:
    return torch.count_nonzero(dense - dense, dim)


def _paired_scores(streamed: Vectors, other: Vectors, scores: Tensor) -> None:
    sizes, dense = tuning("paired_products", scores.dtype), as_rows(other.dense_rows())
    values = as_rows(streamed.values) if streamed.crow is None else streamed.values
    launch(
        paired_products,
        (streamed.rows,),
        scores.device,
        values,
        values.stride(0),
        streamed.crow,
        streamed.col,
        dense,
        dense.stride(0),
        None if streamed.crow is None else _not_finite(dense, 1),
        scores,
        streamed.vocabulary,
        ENTRIES=sizes.columns,
        **sizes.options,
    )


def sparse_dot_backward(
    grad: Tensor,
    queries: Tensor,
    query_crow: Tensor | None,
    query_col: Tensor | None,
    documents: Tensor,
    document_crow: Tensor | None,
    document_col: Tensor | None,
    vocabulary: int,
    pairwise: bool,
    query_bitmap: Tensor,
    document_bitmap: Tensor,
    need_queries: bool,
    need_documents: bool,
) -> tuple[Tensor, Tensor]:
    query = vectors(queries, query_crow, query_col, vocabulary)
    document = vectors(documents, document_crow, document_col, vocabulary)
    grads = grad_like(queries, need_queries), grad_like(documents, need_documents)
    gradient = _paired_gradient if pairwise else _gradient
    if need_queries:
        gradient(grad, query, document, grads[0])
    if need_documents:
        gradient(grad if pairwise else grad.T, document, query, grads[1])
    return grads


def _paired_gradient(grad: Tensor, side: Vectors, other: Vectors, target: Tensor) -> None:
    """The gradient of `side`: `grad [rows]` times the row of the same number of `other`."""
    met = other.dense_rows()
    if side.crow is None:
        torch.mul(grad[:, None], met, out=target)
    else:
        rows = side.entry_rows()
        torch.mul(grad[rows], met[rows, side.col], out=target)


def _gradient(grad: Tensor, side: Vectors, other: Vectors, target: Tensor) -> None:
    """The gradient of `side`, of which row i is the sum over j of `grad[i,j]` times row j of `other`."""
    if side.crow is not None:
        _stored_gradient(grad.contiguous(), side, other, target)
    elif other.crow is None:
        torch.mm(grad, other.values, out=target)
    else:
        postings, sizes = other.by_column(), tuning("sparse_products_of_postings", grad.dtype)
        _products(postings.values, postings.rows, postings.starts, grad.T.contiguous(), target.T, sizes)


def _stored_gradient(grad: Tensor, side: Vectors, other: Vectors, target: Tensor) -> None:
    met: tuple[Tensor | None, ...]
    if other.crow is None:
        met, sizes = (other.dense_columns(), None, None, None), tuning("stored_gradient", grad.dtype)
    else:
        postings, sizes = other.by_column(), tuning("stored_gradient_of_postings", grad.dtype)
        met = postings.values, postings.rows, postings.starts, (0 * grad).sum(1)
    typical = -(-target.shape[0] // max(side.rows, 1))
    together = block(typical, 16, sizes.rows)
    launch(
        stored_gradient,
        (side.rows, -(-typical // together)),
        grad.device,
        grad,
        side.crow,
        side.col,
        *met,
        target,
        other.rows,
        ENTRIES=together,
        POSTINGS=block(other.rows, 32, sizes.columns),
        **sizes.options,
    )
