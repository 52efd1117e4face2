"""The operators in plain PyTorch: slow, any device, any floating dtype. Every kernel is held to these.

They materialise what the kernels never form, and they are what runs where no kernel exists.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from menura.ops.checks import compute_dtype

__all__ = [
    "EMPTY_DOCUMENT_SCORE",
    "document_frequency_weights",
    "flops",
    "maxsim",
    "maxsim_packed",
    "maxsim_pairs",
    "sparse_dot",
    "splade_head",
]

# The score of a document without tokens, as in sentence-transformers: below every real document, yet finite.
EMPTY_DOCUMENT_SCORE = -1e9


def maxsim(
    queries: Tensor,
    documents: Tensor,
    *,
    query_mask: Tensor | None = None,
    document_mask: Tensor | None = None,
    query_scales: Tensor | None = None,
    document_scales: Tensor | None = None,
    normalize: bool = False,
    length_normalize: bool = False,
) -> Tensor:
    """`[Nq,Lq,d]` x `[Nd,Ld,d]` -> `[Nq,Nd]`, or x `[Nq,K,Ld,d]` -> `[Nq,K]`. See `menura.maxsim`."""
    if query_mask is None:
        query_mask = queries.new_ones(queries.shape[:-1], dtype=torch.bool)
    if document_mask is None:
        document_mask = documents.new_ones(documents.shape[:-1], dtype=torch.bool)
    queries, documents = _scaled(queries, query_scales), _scaled(documents, document_scales)
    dtype = compute_dtype(queries.dtype, documents.dtype)
    # Zeroed before the product, so that no NaN in a masked token reaches a gradient as 0 * NaN.
    queries = torch.where(query_mask[..., None], queries.to(dtype), 0)
    documents = torch.where(document_mask[..., None], documents.to(dtype), 0)
    if normalize:
        queries, documents = _normalized(queries), _normalized(documents)
    if documents.dim() == 3:
        similarities = torch.einsum("qsh,dth->qdst", queries, documents)
        document_mask = document_mask[None]
    else:
        similarities = torch.einsum("qsh,qkth->qkst", queries, documents)
    empty = ~document_mask.any(-1)
    if similarities.shape[-1] == 0:
        similarities = similarities.new_zeros(*similarities.shape[:-1], 1)
    else:
        similarities = similarities.masked_fill(~document_mask[..., None, :], -torch.inf)
    best = similarities.max(-1).values.masked_fill(empty[..., None], 0)
    scores = torch.where(query_mask[:, None], best, 0).sum(-1).masked_fill(empty, EMPTY_DOCUMENT_SCORE)
    if length_normalize:
        scores = scores / query_mask.sum(-1, keepdim=True).clamp(min=1)
    return scores


def maxsim_pairs(
    queries: Tensor,
    documents: Tensor,
    *,
    query_mask: Tensor | None = None,
    document_mask: Tensor | None = None,
    query_scales: Tensor | None = None,
    document_scales: Tensor | None = None,
    normalize: bool = False,
    length_normalize: bool = False,
) -> Tensor:
    """`[B,Lq,d]` x `[B,Ld,d]` -> `[B]`. See `menura.maxsim_pairs`."""
    return maxsim(
        queries,
        documents[:, None],
        query_mask=query_mask,
        document_mask=None if document_mask is None else document_mask[:, None],
        query_scales=query_scales,
        document_scales=None if document_scales is None else document_scales[:, None],
        normalize=normalize,
        length_normalize=length_normalize,
    )[:, 0]


def maxsim_packed(
    queries: Tensor,
    documents: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_d: Tensor,
    *,
    pairs: Tensor | None = None,
    query_scales: Tensor | None = None,
    document_scales: Tensor | None = None,
    normalize: bool = False,
    length_normalize: bool = False,
) -> Tensor:
    """`[Tq,d]` x `[Td,d]` -> `[Nq,Nd]`, or `[P]` for `pairs [P,2]`. See `menura.maxsim_packed`."""
    count = cu_seqlens_q.shape[0] - 1, cu_seqlens_d.shape[0] - 1
    if pairs is None:
        pairs = torch.cartesian_prod(*(torch.arange(n, device=queries.device) for n in count)).view(-1, 2)
        shape: tuple[int, ...] = count
    else:
        shape = (pairs.shape[0],)
    queries, documents = _scaled(queries, query_scales), _scaled(documents, document_scales)
    scores = [
        maxsim(
            queries[None, cu_seqlens_q[i] : cu_seqlens_q[i + 1]],
            documents[None, cu_seqlens_d[j] : cu_seqlens_d[j + 1]],
            normalize=normalize,
            length_normalize=length_normalize,
        )
        for i, j in pairs.tolist()
    ]
    dtype = compute_dtype(queries.dtype, documents.dtype)
    return torch.cat(scores).view(shape) if scores else queries.new_zeros(shape, dtype=dtype)


def splade_head(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    cu_seqlens: Tensor | None = None,
    pooling: str = "max",
    activation: str = "relu",
    top_k: int | None = None,
    layout: str = "dense",
) -> Tensor:
    """`[B,L,H]` or packed `[T,H]`, x `[V,H]` + `[V]` -> `[B,V]`. See `menura.splade_head`."""
    dtype = compute_dtype(hidden.dtype, weight.dtype)
    if mask is None:
        mask = hidden.new_ones(hidden.shape[:-1], dtype=torch.bool)
    if cu_seqlens is not None:
        lengths = cu_seqlens.diff()[:, None]
        within = torch.arange(int(lengths.max()) if lengths.numel() else 0, device=hidden.device)
        tokens = torch.where(within < lengths, cu_seqlens[:-1, None] + within, 0)
        hidden, mask = hidden[tokens], mask[tokens] & (within < lengths)
    hidden = torch.where(mask[..., None], hidden.to(dtype), 0)
    logits = hidden @ weight.to(dtype).T
    if bias is not None:
        logits = logits + bias.to(dtype)
    # The ReLU turns a masked token's -inf into zero with zero gradient.
    logits = logits.masked_fill(~mask[..., None], -torch.inf)
    if pooling == "sum" or logits.shape[1] == 0:
        output = _splade_activation(logits, activation).sum(1)
    else:
        output = _splade_activation(logits.max(1).values, activation)
    if top_k is not None:
        # A stable sort, because topk leaves open which of several ties it takes.
        best = output.sort(dim=1, descending=True, stable=True).indices[:, :top_k]
        output = torch.where(torch.zeros_like(output, dtype=torch.bool).scatter(1, best, True), output, 0)
    return output if layout == "dense" else _compressed_rows(output)


def _splade_activation(logits: Tensor, activation: str) -> Tensor:
    once = logits.relu().log1p()
    return once.log1p() if activation == "log1p_relu" else once


def _compressed_rows(dense: Tensor) -> Tensor:
    stored = dense != 0
    crow = torch.nn.functional.pad(stored.sum(1).cumsum(0), (1, 0))
    return torch.sparse_csr_tensor(crow, stored.nonzero()[:, 1], dense[stored], dense.shape)


def sparse_dot(queries: Tensor, documents: Tensor, *, pairwise: bool = False) -> Tensor:
    """`[B,V]` x `[N,V]` -> `[B,N]`, or row by row -> `[B]`. See `menura.sparse_dot`."""
    dtype = compute_dtype(queries.dtype, documents.dtype)
    queries, documents = _dense(queries).to(dtype), _dense(documents).to(dtype)
    return (queries * documents).sum(-1) if pairwise else queries @ documents.T


def flops(activations: Tensor, *, estimator: str = "mean", document_frequency: Tensor | None = None) -> Tensor:
    """`[B,V]` -> scalar. See `menura.flops`."""
    magnitudes = _dense(activations).to(compute_dtype(activations.dtype)).abs()
    if document_frequency is not None:
        magnitudes = magnitudes * document_frequency_weights(document_frequency.to(magnitudes.dtype))
    rows = magnitudes.shape[0]
    total = magnitudes.sum(0)
    if estimator == "mean":
        return (total / rows).square().sum()
    return (total.square() - magnitudes.square().sum(0)).sum() / (rows * (rows - 1))


def document_frequency_weights(document_frequency: Tensor) -> Tensor:
    """`[V]` -> `[V]`: how much DF-FLOPS weighs a term's activations. See `menura.flops`."""
    threshold, steepness = 0.1, 10
    return 1 / (1 + (document_frequency ** math.log(2, threshold) - 1) ** steepness)


def _dense(matrix: Tensor) -> Tensor:
    """The matrix without its layout. A sparse one's gradient stays on its stored entries, repeated ones included."""
    if matrix.layout == torch.strided:
        return matrix
    if matrix.layout == torch.sparse_coo:
        matrix = matrix.coalesce().to_sparse_csr()
    rows = torch.arange(matrix.shape[0], device=matrix.device).repeat_interleave(matrix.crow_indices().diff())
    index = (rows, matrix.col_indices())
    return matrix.values().new_zeros(matrix.shape).index_put(index, matrix.values(), accumulate=True)


def _scaled(embeddings: Tensor, scales: Tensor | None) -> Tensor:
    """int8 embeddings times their scales `[...]`; others as they are."""
    return embeddings if scales is None else embeddings.to(scales.dtype) * scales[..., None]


def _normalized(embeddings: Tensor) -> Tensor:
    """Divided by their lengths; zeros stay zeros, with zero gradient."""
    zeros = (embeddings == 0).all(-1, keepdim=True)
    return torch.where(zeros, 0, embeddings / torch.where(zeros, 1, embeddings).norm(dim=-1, keepdim=True))
